// SPDX-License-Identifier: MIT
//
// How a daemon that has a keeper is replaced by another program (mount_keeper.h): who asks for it,
// and how the daemon leaves.

#ifndef OVERPASS_FUSE_REPLACEMENT_H_
#define OVERPASS_FUSE_REPLACEMENT_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fuse/life.h"
#include "overlay/state/caller.h"

namespace overpass::fuse {

/// The control commands that ask for it. The value is options that are to change, as in -o; or the
/// path of a directory that becomes the topmost lower, which another process opens.
inline constexpr std::string_view kReplace = "replace";
inline constexpr std::string_view kAddLayer = "add-layer";

/// What the keeper is asked by a command; nothing for another command.
std::optional<ToKeeper> replacing_command(std::string_view name);

/// Listens to the keeper as long as the daemon serves. Threads: any, apart from its end.
class Replacement {
 public:
  /// Called once, on any thread.
  using Answer = std::move_only_function<void(Result<void>)>;

  /// What it has the daemon do, on a thread of its own.
  struct Work {
    /// Ends the process, and not the mount. The next daemon may have another layer.
    std::function<void(bool has_other_layers)> leave;
    std::function<void()> forget_names;  ///< Rules or layers have changed.
  };

  /// Of sys::make_event_fd().
  struct Events {
    UniqueFd end, names;
  };

  Replacement(const Life& life, Work work, Events events);
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement();

  /// `what` is Replace or AddLayer. It is answered by the daemon that follows, or here with
  /// ECANCELED when the daemon stays: why_not() says the reason then. E2BIG for a value that no
  /// message has room for. EPERM for callers from other namespaces, to which the daemon's program
  /// would be another. EBUSY while another caller waits. REQUIRES: the caller may command the
  /// daemon.
  void ask(const overlay::Caller& caller, ToKeeper what, std::string_view value, Answer answer);

  /// The daemon has begun, and names that the kernel knows may lead elsewhere: with other rules
  /// than those that the mount began with, or with another lower.
  void names_have_changed();

  /// Why the last replacement was refused; empty if none was.
  std::string why_not() const;

 private:
  void listen();
  void listen_until_end();
  void take(const Word<ToDaemon>& word);
  void refuse(const Problem& reason);

  const Life& life_;
  const Work work_;
  const UniqueFd end_;    ///< Raised when the mount ends.
  const UniqueFd names_;  ///< Raised by names_have_changed().
  mutable Mutex<LockRank::Queue> mutex_;
  Answer asking_ GUARDED_BY(mutex_);
  bool adds_layer_ GUARDED_BY(mutex_) = false;  ///< It asks for a layer.
  bool is_over_ GUARDED_BY(mutex_) = false;     ///< Nobody listens to the keeper any more.
  std::string why_not_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REPLACEMENT_H_
