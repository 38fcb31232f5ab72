// SPDX-License-Identifier: MIT
//
// st_ino of the union. The file systems of the layers are numbered as they are announced. Inodes of
// one of them, the lowest layer's, keep their numbers; those of others have to be told apart.
//
// 32-bit programs that are built without large files get EOVERFLOW for a number beyond 32 bits. So
// the numbers from 0xC0000000 to 0xFFFFFFFF are divided among the other file systems, and inodes
// whose numbers fit get one of these. An inode that does not fit, and one of the first file system
// whose own number lies in there, gets the number of its file system in bits 56 to 62, as
// overlayfs's xino does. An inode number too large for that (of a FUSE file system, of an overlay
// with xino) becomes a hash of 63 bits, which needs no memory and does not change by a remount.
// Among a million such files, two share a number with a probability of one in 18 million.

#ifndef OVERPASS_OVERLAY_STATE_INODE_NUMBER_H_
#define OVERPASS_OVERLAY_STATE_INODE_NUMBER_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>

#include "base/mutex.h"

namespace overpass::overlay {

/// Threads: any, once divide_short_numbers() has returned.
class InodeNumbers {
 public:
  /// `first` is the file system whose inodes keep their numbers. `warns`: the first number beyond
  /// 32 bits is told in the log.
  InodeNumbers(dev_t first, bool warns) : first_(first), warns_(warns) {}

  /// Gives `device` its number now. Announcing the layers' devices in order gives the union equal
  /// numbers in every mount of these layers.
  void announce(dev_t device);

  /// Divides the short numbers among the file systems announced so far; those that turn up later
  /// get none. Call it once, before any number is asked for.
  void divide_short_numbers();

  /// The union's number for inode `ino` of the file system `device`. It never changes.
  uint64_t number(dev_t device, uint64_t ino);

 private:
  uint64_t number_elsewhere(dev_t device, uint64_t ino);
  uint64_t number_of_device(dev_t device);
  bool keeps_number(uint64_t ino) const;
  void warn_of_long_number();

  const dev_t first_;
  std::atomic<bool> warns_;
  /// Constant after divide_short_numbers(). File system n of 1..short_devices_ has 2^short_bits_
  /// short numbers.
  uint64_t short_devices_ = 0;
  int short_bits_ = 0;
  Mutex<LockRank::InodeNumbers> mutex_;
  std::map<dev_t, uint64_t> devices_ GUARDED_BY(mutex_);
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_INODE_NUMBER_H_
