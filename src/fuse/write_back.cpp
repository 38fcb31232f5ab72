// SPDX-License-Identifier: MIT
//
// A process of its own goes through the files. A thread of the daemon that waits for the mount
// could not be killed together with the daemon that must answer it, and the mount would hang for
// good.

#include "fuse/write_back.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <vector>

#include "base/log.h"
#include "fuse/daemon.h"
#include "overlay/find/union_path.h"

namespace overpass::fuse {

namespace {

constexpr timespec kBetweenLooks{0, 10'000'000};

using Path = std::vector<std::string>;

std::vector<Path> files_to_write_back(Daemon& daemon) {
  std::vector<overlay::InodeRef> inodes;
  daemon.files.for_each([&](const overlay::OpenFile& file) {
    const bool may_hold_pages = file.is_writable() && file.serving() == overlay::Serving::Cached;
    if (may_hold_pages) inodes.push_back(file.inode());
  });
  std::vector<Path> paths;
  for (const overlay::InodeRef& inode : inodes) paths.push_back(overlay::names_to(*inode));
  std::ranges::sort(paths);
  paths.erase(std::ranges::unique(paths).begin(), paths.end());
  return paths;
}

/// One name at a time, for a path may be longer than a system call takes.
bool enter_directory_of(const char* mountpoint, const Path& path) {
  if (::chdir(mountpoint) != 0) return false;
  return std::all_of(path.begin(), path.end() - 1,
                     [](const std::string& name) { return ::chdir(name.c_str()) == 0; });
}

/// Runs between fork(2) and the end of the process: nothing but system calls.
[[noreturn]] void sync_files(const char* mountpoint, const std::vector<Path>& paths) {
  // Above all the connection, which must end with the daemon.
  (void)::close_range(STDERR_FILENO + 1, ~0U, 0);
  for (const Path& path : paths) {
    if (!enter_directory_of(mountpoint, path)) continue;
    int fd = ::open(path.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) fd = ::open(path.back().c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    (void)::fsync(fd);
    (void)::close(fd);
  }
  ::_exit(0);
}

}  // namespace

void write_back(Daemon& daemon, const std::string& mountpoint, const sigset_t& signals) {
  std::vector<Path> paths;
  try {
    paths = files_to_write_back(daemon);
  } catch (const std::bad_alloc&) {
    return log::warn("no memory to have written back what is in the page cache");
  }
  if (paths.empty()) return;
  const pid_t child = ::fork();
  if (child < 0) return log::warn("no process to write back what is in the page cache");
  if (child == 0) sync_files(mountpoint.c_str(), paths);
  while (::waitpid(child, nullptr, WNOHANG) == 0) {
    if (::sigtimedwait(&signals, nullptr, &kBetweenLooks) < 0) continue;
    // It ends with the mount at the latest.
    (void)::kill(child, SIGKILL);
    return;
  }
}

}  // namespace overpass::fuse
