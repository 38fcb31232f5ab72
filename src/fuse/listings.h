// SPDX-License-Identifier: MIT
//
// Directories that are being read. The kernel is told that directories need no opening, and keeps
// their listings itself, so that listing one again costs no request. The price: a READDIR names the
// directory and the offset, but not the reading that it continues. Between two requests a reading
// waits here for the request that continues where it stopped.

#ifndef OVERPASS_FUSE_LISTINGS_H_
#define OVERPASS_FUSE_LISTINGS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

#include "base/mutex.h"
#include "overlay/open/open_directory.h"

namespace overpass::fuse {

/// Bounded: readers often stop half way, and the daemon is not told. A reading that was pushed out
/// continues from its reader's offset with a new snapshot. That is correct, but costs the snapshot.
/// Invariant: weight_ is the sum of the weights of what waits.
/// Threads: any.
class Listings {
 public:
  /// At most `most` wait, and no more than one of them if together they weigh more than `capacity`
  /// bytes.
  explicit Listings(size_t most = 64, size_t capacity = size_t{12} * 1024 * 1024)
      : most_(most), capacity_(capacity) {}

  /// A reading of the directory that goes on from `offset`: the one that stopped there, or a new
  /// one. From the beginning always a new one, which sees every change made before.
  std::unique_ptr<overlay::OpenDirectory> take(const overlay::InodeRef& directory, int64_t offset);

  /// Keeps a reading until it is continued, or too many others have been kept after it.
  void keep(std::unique_ptr<overlay::OpenDirectory> listing);

  /// The kernel has forgotten the directory, so no reader is left.
  void forget(overlay::NodeId node);

 private:
  struct Waiting {
    int64_t offset;
    size_t weight;
    std::unique_ptr<overlay::OpenDirectory> listing;
  };

  void trim_locked(std::list<Waiting>& removed) REQUIRES(mutex_);

  const size_t most_;
  const size_t capacity_;
  Mutex<LockRank::Queue> mutex_;
  std::list<Waiting> waiting_ GUARDED_BY(mutex_);  ///< What was kept last comes first.
  size_t weight_ GUARDED_BY(mutex_) = 0;
  std::atomic<bool> is_empty_ = true;  ///< Of waiting_; FORGET comes in floods.
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LISTINGS_H_
