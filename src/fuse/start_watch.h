// SPDX-License-Identifier: MIT
//
// If the first request (INIT) of a mount is never answered, every process that touches the
// mountpoint hangs: the daemon itself, and the tools that look for the reason.

#ifndef OVERPASS_FUSE_START_WATCH_H_
#define OVERPASS_FUSE_START_WATCH_H_

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

/// How long a daemon may take from mount(2) to its answer.
constexpr std::chrono::seconds kStartPatience{20};

/// A thread that removes the mount and ends the process with status 1, unless answered() is called
/// in time or this is destroyed. If no thread can be started it does nothing.
/// Threads: answered() any, else the one that made it.
class StartWatch {
 public:
  /// `mountpoint` as resolve_mountpoint() gives it, before anything is mounted there.
  explicit StartWatch(std::string mountpoint, std::chrono::milliseconds patience = kStartPatience);
  ~StartWatch();
  StartWatch(const StartWatch&) = delete;
  StartWatch& operator=(const StartWatch&) = delete;

  /// The first request has been answered.
  void answered();

 private:
  void run();
  [[noreturn]] void give_up() const;

  const std::string mountpoint_;
  const std::chrono::milliseconds patience_;
  const std::optional<sys::MountedAt> covered_;  ///< What was there before.
  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any changed_;
  bool is_over_ GUARDED_BY(mutex_) = false;
  UniqueFd errors_;  ///< Standard error as it was; closed by answered().
  std::thread thread_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_START_WATCH_H_
