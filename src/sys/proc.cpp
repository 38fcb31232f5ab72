// SPDX-License-Identifier: MIT
//
// fsopen(2) makes a procfs of this process's own, open_tree(2) a clone of the one at /proc. Neither
// is attached anywhere; an ordinary user gets neither, and opens /proc itself.

#include "sys/proc.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/mount.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "sys/calls.h"
#include "sys/errno_result.h"
#include "sys/file_io.h"
#include "sys/mount_api.h"
#include "sys/stat.h"

namespace overpass::sys {

namespace {

struct Proc {
  UniqueFd root;
  UniqueFd own_files;
  bool has_own_numbers = false;
  bool is_of_this_place = false;
  bool is_found = false;  ///< There is one at /proc.
};

bool stands_there = false;

/// Numbers in the procfs are those by which this process knows others.
bool has_own_numbers(BorrowedFd root) {
  std::array<char, 32> target;
  const ssize_t length = ::readlinkat(raw(root), "self", target.data(), target.size());
  if (length <= 0 || static_cast<size_t>(length) >= target.size()) return false;
  return std::string_view(target.data(), static_cast<size_t>(length)) == std::to_string(::getpid());
}

bool is_procfs(BorrowedFd root) {
  const auto magic = file_system_magic(root);
  return magic && *magic == PROC_SUPER_MAGIC;
}

/// Mounts one for this process's PID namespace.
Result<UniqueFd> mount_own_procfs() {
  const UniqueFd context(TRY(checked(::fsopen("proc", FSOPEN_CLOEXEC))));
  TRY(checked_void(::fsconfig(raw(context), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)));
  return UniqueFd(TRY(checked(::fsmount(
      raw(context), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))));
}

/// `found` is what is at /proc; may be empty.
Result<UniqueFd> detached_procfs(const UniqueFd& found) {
  auto own = mount_own_procfs();
  return own || !found ? std::move(own) : clone_whole_tree(found);
}

Proc open_proc(bool detached) {
  Proc proc;
  UniqueFd found(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (found && !is_procfs(found)) found.reset();
  proc.is_found = !found.empty();
  proc.is_of_this_place = found && has_own_numbers(found);
  proc.root = std::move(found);
  if (detached || !proc.root) {
    if (auto better = detached_procfs(proc.root)) proc.root = std::move(*better);
  }
  if (!proc.root) return proc;
  proc.has_own_numbers = has_own_numbers(proc.root);
  const int files = ::openat(raw(proc.root), "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  proc.own_files = UniqueFd(files);
  return proc;
}

/// A child has a /proc/PID of its own. What it inherited is closed at once, before its numbers
/// could be taken for something else, and opened anew when it is needed.
std::optional<Proc> of_this_process;

Proc& kept() {
  // Threads may come here at once for the first time; after fork(2) there is only one.
  static const bool is_opened = [] {
    of_this_process = open_proc(false);
    return ::pthread_atfork(nullptr, nullptr, [] { of_this_process.reset(); }) == 0;
  }();
  (void)is_opened;
  if (!of_this_process) of_this_process = open_proc(false);
  return *of_this_process;
}

}  // namespace

Result<void> keep_proc() {
  kept() = open_proc(true);
  if (!kept().own_files) return fail(ENOENT);
  // Without /proc there is no absolute path to them either.
  if (!kept().is_found && !newer_calls().xattrat) (void)stand_in_own_files();
  return {};
}

Result<ProcForChild> proc_for_child() {
  const Proc& own = kept();
  const int root = ::fcntl(raw(own.root), F_DUPFD_CLOEXEC, 3);
  if (root < 0) return fail(errno);
  return ProcForChild{UniqueFd(root), own.is_found, own.is_of_this_place, own.has_own_numbers};
}

Result<void> keep_proc_of_parent(const ProcForChild& parents) {
  Proc proc;
  proc.root = UniqueFd(::fcntl(raw(parents.root), F_DUPFD_CLOEXEC, 3));
  if (!proc.root) return fail(ENOENT);
  proc.is_found = parents.is_found;
  proc.is_of_this_place = parents.is_of_this_place;
  proc.has_own_numbers = parents.has_own_numbers;
  proc.own_files = UniqueFd(::openat(raw(proc.root), "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc.own_files) return fail(ENOENT);
  of_this_process = std::move(proc);
  // It stands in its parent's.
  if (stands_there) (void)stand_in_own_files();
  return {};
}

BorrowedFd own_files() { return kept().own_files; }

BorrowedFd proc() { return kept().root; }

bool proc_has_own_numbers() { return kept().has_own_numbers; }

bool proc_is_of_this_place() { return kept().is_of_this_place; }

bool stand_in_own_files() {
  stands_there = ::fchdir(raw(own_files())) == 0;
  return stands_there;
}

bool stands_in_own_files() { return stands_there; }

ProcPath::ProcPath(Place place) {
  (void)std::snprintf(path_.data(), path_.size(), "%s%d%s%s", stands_there ? "" : "/proc/self/fd/",
                      raw(place.fd), place.is_fd() ? "" : "/", place.name);
}

Result<std::string> read_proc(const std::string& path) {
  const UniqueFd file(TRY(checked(::openat(raw(proc()), path.c_str(), O_RDONLY | O_CLOEXEC))));
  return read_to_end(file);
}

}  // namespace overpass::sys
