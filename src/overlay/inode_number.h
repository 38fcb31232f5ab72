// SPDX-License-Identifier: MIT
//
// st_ino of the union. The file systems of the layers are numbered as they turn up. Inodes of the
// first one keep their numbers; those of others get the file system's number in the upper bits, as
// overlayfs's xino does. An inode number too large for that (of a FUSE file system, of an overlay
// with xino) becomes a hash of 63 bits, which needs no memory and is the same after a remount; of a
// million such files, two share a number with a probability of one in 18 million.

#ifndef OVERPASS_OVERLAY_INODE_NUMBER_H_
#define OVERPASS_OVERLAY_INODE_NUMBER_H_

#include <sys/types.h>

#include <cstdint>
#include <map>

#include "base/mutex.h"

namespace overpass::overlay {

/// Threads: any.
class InodeNumbers {
 public:
  /// `first` is the file system whose inodes keep their numbers.
  explicit InodeNumbers(dev_t first) : first_(first) {}

  /// Gives `device` its number for the upper bits now. Announcing those of the layers in order
  /// makes the union's numbers the same in every mount of them.
  void announce(dev_t device);

  /// The union's number for inode `ino` of the file system `device`; always the same one.
  uint64_t number(dev_t device, uint64_t ino);

 private:
  uint64_t number_elsewhere(dev_t device, uint64_t ino);
  uint64_t number_of_device(dev_t device);

  const dev_t first_;
  Mutex<LockRank::InodeNumbers> mutex_;
  std::map<dev_t, uint64_t> devices_ GUARDED_BY(mutex_);
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_INODE_NUMBER_H_
