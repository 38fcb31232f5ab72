// SPDX-License-Identifier: MIT
//
// Who makes requests at the same time, as one serving thread sees it.
//
// Callers that run one after another (the commands of a script) need one thread, however many they
// are. Two that run side by side are told by their order: each comes back after the other. A caller
// that is alone counts too, since with several threads each may always get the same one.

#ifndef OVERPASS_FUSE_CONCURRENT_CALLERS_H_
#define OVERPASS_FUSE_CONCURRENT_CALLERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace overpass::fuse {

class ConcurrentCallers {
 public:
  /// As many as are told apart.
  static constexpr size_t kMost = 8;
  /// Callers; 0 in the places that are free.
  using Set = std::array<uint64_t, kMost>;

  /// A request of `caller`. Those of the kernel itself, which has the number 0, do not count.
  void note(uint64_t caller) {
    if (caller == 0) return;
    ++noted_;
    if (recent_[0].caller == caller) {
      ++recent_[0].requests;
    } else {
      come_back(caller);
    }
  }

  /// The callers since the last call that came back again and again after others, or made nearly
  /// all requests.
  Set take();

 private:
  struct Recent {
    uint64_t caller = 0;
    uint32_t requests = 0;
    uint32_t returns = 0;  ///< After a request of another caller.
  };

  void come_back(uint64_t caller);

  std::array<Recent, kMost> recent_ = {};  ///< The latest one first.
  uint32_t noted_ = 0;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_CONCURRENT_CALLERS_H_
