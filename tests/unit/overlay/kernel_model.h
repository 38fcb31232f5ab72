// SPDX-License-Identifier: MIT
//
// The kernel's rules for opens of one FUSE inode, as small as they can be said (fs/fuse/iomode.c of
// Linux 6.18, tried): with passed-through opens alive, only the same backing file may be opened,
// and nothing cached; with cached opens alive, nothing passed through. When all are released,
// anything.

#ifndef OVERPASS_TESTS_UNIT_OVERLAY_KERNEL_MODEL_H_
#define OVERPASS_TESTS_UNIT_OVERLAY_KERNEL_MODEL_H_

#include <cstdint>
#include <optional>

namespace overpass::unit {

class KernelInode {
 public:
  /// Whether the kernel takes this reply to an OPEN: a backing id, or nothing for a cached open.
  /// Otherwise the caller gets EIO.
  bool accepts(std::optional<int32_t> backing) const {
    if (opens_ == 0) return true;
    return backing == backing_;
  }

  void opened(std::optional<int32_t> backing) {
    backing_ = backing;
    ++opens_;
  }

  void released() { --opens_; }

  int opens() const { return opens_; }

 private:
  int opens_ = 0;
  std::optional<int32_t> backing_;  ///< Nothing while cached; without meaning with no opens.
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_OVERLAY_KERNEL_MODEL_H_
