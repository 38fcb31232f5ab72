// SPDX-License-Identifier: MIT
//
// The FUSE session of one mount: made, mounted, served, and always unmounted again.

#ifndef OVERPASS_FUSE_SESSION_H_
#define OVERPASS_FUSE_SESSION_H_

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "config/options.h"
#include "fuse/libfuse.h"
#include "fuse/start_watch.h"
#include "fuse/unmount_guard.h"

namespace overpass::fuse {

struct Daemon;

/// Threads: the one that made it.
class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Makes the session and mounts it at options.mountpoint, as resolve_mountpoint() gives it.
  /// Requests wait in the kernel until serve().
  Expected<void> mount(Daemon& daemon, const config::Options& options);

  /// In place of mount(): requests come from `connection`, which libfuse reads and writes by `io`,
  /// a whole message at a time. Nothing is mounted. `io.read` fails with ENODEV at the end of the
  /// connection, as /dev/fuse does. A problem if libfuse was built without custom I/O.
  Expected<void> attach(Daemon& daemon, const config::Options& options, UniqueFd connection,
                        const fuse_custom_io& io);

  /// In place of mount(): for the mount of `connection`, /dev/fuse, which another program has made
  /// and served until serve() is called.
  Expected<void> take(Daemon& daemon, const config::Options& options, UniqueFd connection,
                      const std::optional<sys::MountedAt>& mount);

  /// What keeps the guard of the mount from taking it away (UnmountGuard::link()).
  BorrowedFd guard_link() const { return guard_.link(); }

  /// Once mounted, if it could be told.
  const std::optional<sys::MountedAt>& mounted_at() const { return mount_; }

  fuse_session* get() const { return session_; }

  /// /dev/fuse, or what was attached.
  BorrowedFd connection() const { return BorrowedFd{fuse_session_fd(session_)}; }

  /// The mount is a daemon's to take away, which outlives this session; or it is this one's again.
  void leave_mounted() { mounted_ = false; }
  void take_mounted() { mounted_ = true; }
  /// Takes the mount away.
  void end();

  /// Serves until the mount is unmounted, SIGTERM, SIGINT or SIGHUP arrives, or no process is left
  /// that could use the mount. The mount is then detached, and files still open on it get errors.
  Expected<void> serve(Daemon& daemon);

 private:
  Expected<void> make(Daemon& daemon, const config::Options& options);
  Expected<void> start_guard();
  Result<void> serve_over_io_uring(unsigned threads);
  /// Where the daemon moves the data and may ask for it. After INIT, which sets it.
  void raise_read_ahead(const Daemon& daemon);
  void unmount();

  fuse_session* session_ = nullptr;
  std::string mountpoint_;
  std::optional<sys::MountedAt> mount_;  ///< Set once mounted, if it could be told.
  std::optional<dev_t> device() const {
    return mount_ ? std::optional(mount_->device) : std::nullopt;
  }
  UniqueFd read_aheads_;  ///< sys::open_read_aheads(), until it is used.
  UnmountGuard guard_;
  std::optional<StartWatch> start_watch_;  ///< From mount() on; none without a mount.
  bool mounted_ = false;
  bool is_taken_ = false;  ///< libfuse does not know where it is mounted.
};

/// SIGTERM, SIGINT and SIGHUP, which end a mount in good order, without those that the caller wants
/// ignored. To be blocked before any thread is started, so that only the watcher of serve() gets
/// them.
sigset_t ending_signals();

/// To be blocked as well: a daemon sends it to itself when it is to leave its mount to another.
inline constexpr int kLeaveSignal = SIGUSR1;

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_SESSION_H_
