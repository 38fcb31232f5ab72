// SPDX-License-Identifier: MIT
//
// One of the daemons that serve a mount, one after another (survive=on), and what it tells the
// keeper (mount_keeper.h).

#ifndef OVERPASS_FUSE_LIFE_H_
#define OVERPASS_FUSE_LIFE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace overpass::fuse {

/// What a message to the keeper says: the first byte of a packet.
enum class ToKeeper : char {
  Ready = 'R',    ///< Callers are answered.
  Keep = 'K',     ///< Hold the file that comes along, of the node that follows.
  Drop = 'D',     ///< The file of the node that follows is not needed any more.
  End = 'E',      ///< The mount has ended in good order.
  Problem = 'P',  ///< It has ended for a reason: cause, a zero, remedy.
};

/// The longest message.
inline constexpr size_t kLongestToKeeper = 4096;

/// Files without a name that are open, by node id.
using KeptFiles = std::map<uint64_t, UniqueFd>;

/// A daemon of the mount, in its own process: what it can tell the keeper.
/// Threads: any, but for files(), which is for the one that starts the others.
class Life {
 public:
  /// In the daemon's process, whose parent is the keeper.
  Life(unsigned number, BorrowedFd link, KeptFiles& files);

  /// Counts the daemons of the mount; the first is 0.
  unsigned number() const { return number_; }
  /// Whether the keeper still lives.
  bool is_kept() const;

  /// Sends a message. A keeper that is gone needs to know nothing.
  void tell(ToKeeper what, std::string_view content = {}, BorrowedFd file = {}) const;
  /// Has the keeper hold a file that may lose its last name while it is open; or no more.
  void keep(uint64_t node, BorrowedFd file) const;
  void drop(uint64_t node) const;

  /// What former daemons had kept.
  KeptFiles& files() const { return files_; }

 private:
  const unsigned number_;
  const BorrowedFd link_;
  KeptFiles& files_;
  const pid_t keeper_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LIFE_H_
