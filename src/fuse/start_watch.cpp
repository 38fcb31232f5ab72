// SPDX-License-Identifier: MIT
//
// The process is ended rather than asked to end: where it hangs is not known. When its last
// descriptor of /dev/fuse closes, the kernel ends the connection, and all waiting callers get an
// error.

#include "fuse/start_watch.h"

#include <sys/mount.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/log.h"
#include "fuse/detach.h"
#include "sys/children.h"
#include "sys/mount_api.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

namespace {

std::optional<sys::MountedAt> mount_at(const std::string& path) {
  const auto mount = sys::mounted_at(path.c_str());
  return mount ? std::optional(*mount) : std::nullopt;
}

/// An ordinary user needs another program for it, which may hang itself: do not wait for it.
void take_away(const char* mountpoint, const sys::MountedAt& mount) {
  if (sys::unmount(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW)) return;
  const auto child = sys::fork_process();
  if (!child || *child != 0) return;
  // Above all the connection, which must end with the daemon.
  sys::close_others({});
  sys::end_process(detach(mountpoint, mount) ? 0 : 1);
}

}  // namespace

StartWatch::StartWatch(std::string mountpoint, std::chrono::milliseconds patience)
    : mountpoint_(std::move(mountpoint)),
      patience_(patience),
      covered_(mount_at(mountpoint_)),
      errors_(sys::duplicate_standard_error()) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    log::warn("no thread watches over the start of the mount");
  }
}

StartWatch::~StartWatch() {
  answered();
  if (thread_.joinable()) thread_.join();
}

void StartWatch::answered() {
  UniqueFd errors;  // Closed after the lock.
  {
    Lock lock(mutex_);
    is_over_ = true;
    errors = std::move(errors_);
  }
  changed_.notify_all();
}

void StartWatch::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, patience_, [this] { return is_over_; })) return;
  lock.unlock();
  give_up();
}

void StartWatch::give_up() const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience_).count();
  // Output there may be captured at this moment.
  if (errors_) sys::replace_standard_error(errors_);
  log::error("the mount at '%s' did not answer the kernel within %d seconds and is given up",
             mountpoint_.c_str(), static_cast<int>(seconds));
  // Something else than before: the mount.
  const auto mount = mount_at(mountpoint_);
  if (mount && mount != covered_) take_away(mountpoint_.c_str(), *mount);
  sys::end_process(1);
}

}  // namespace overpass::fuse
