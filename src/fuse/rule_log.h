// SPDX-License-Identifier: MIT
//
// Where events of rules go: a line of JSON each, to a file or to the daemon's log.

#ifndef OVERPASS_FUSE_RULE_LOG_H_
#define OVERPASS_FUSE_RULE_LOG_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "overlay/state/mount.h"

namespace overpass::fuse {

/// Threads: any, once it is open.
class RuleLog {
 public:
  /// Opens the file `path`, which is made if it is missing, readable by its owner alone. Without
  /// this lines go to the daemon's log. To be called before the mount, which may cover it.
  Expected<void> open(const std::string& path);

  /// The file, for another program of the same mount; empty without one.
  BorrowedFd file() const { return file_; }
  /// In place of open().
  void adopt(UniqueFd file) { file_ = std::move(file); }

  /// Paths are told with `prefix` in front: where the union is for those who read the log. Before
  /// the first event.
  void show_at(const std::string& prefix) { prefix_ = prefix == "/" ? "" : prefix; }

  /// Never waits for a reader: a line that a pipe has no room for is lost, and counted.
  void write(const overlay::RuleEvent& event);

  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  UniqueFd file_;
  std::string prefix_;
  std::atomic<uint64_t> lost_ = 0;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_RULE_LOG_H_
