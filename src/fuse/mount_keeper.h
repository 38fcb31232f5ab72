// SPDX-License-Identifier: MIT
//
// The keeper of a mount that outlives its daemon (survive=on). It has made the mount, holds the
// connection and what no later daemon could open again, and runs the daemon in a child process.
// When that dies, it runs another. It opens nothing in the mount, so it cannot wait for itself.

#ifndef OVERPASS_FUSE_MOUNT_KEEPER_H_
#define OVERPASS_FUSE_MOUNT_KEEPER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/problem.h"
#include "base/unique_fd.h"

namespace overpass::fuse {

/// Files without a name that are open, by node id.
using KeptFiles = std::map<uint64_t, UniqueFd>;

/// A daemon of the mount, in its own process: what it can tell the keeper.
/// Threads: any, but for `kept`, which only the first has.
class Life {
 public:
  Life(unsigned number, BorrowedFd link, KeptFiles& files)
      : number_(number), link_(link), files_(files) {}

  /// Counts daemons of the mount; the first is 0.
  unsigned number() const { return number_; }
  /// The process that is the keeper has not ended.
  bool is_kept() const;

  /// Callers are answered.
  void tell_ready() const;
  /// Has the keeper hold a file that may lose its last name while it is open; or no more.
  void keep(uint64_t node, BorrowedFd file) const;
  void drop(uint64_t node) const;

  /// What former daemons had kept.
  KeptFiles& files() const { return files_; }

 private:
  const unsigned number_;
  const BorrowedFd link_;
  KeptFiles& files_;
  const pid_t keeper_ = own_parent();
  static pid_t own_parent();
};

/// Serves the mount in a process of its own. Its result is the result of the mount; it unmounts.
using ServeLife = std::function<Expected<void>(Life&)>;

/// How a kept mount ended.
struct KeptEnd {
  Expected<void> outcome;
  bool is_unmounted = false;  ///< By the daemon.
};

/// Runs daemons until one ends in good order, or tells a problem, or too many die in a row. Calls
/// `on_ready` when the first one answers. Signals that end a mount (blocked) are passed on. To be
/// called with a single thread.
KeptEnd keep_mount(const ServeLife& serve, const std::function<void()>& on_ready);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_MOUNT_KEEPER_H_
