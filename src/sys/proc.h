// SPDX-License-Identifier: MIT
//
// /proc by descriptors. The mount at /proc may be unmounted, covered or moved while the daemon
// serves. So the two directories that the daemon needs are opened once, and every path below them
// is relative.

#ifndef OVERPASS_SYS_PROC_H_
#define OVERPASS_SYS_PROC_H_

#include <array>
#include <cstdio>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/place.h"

namespace overpass::sys {

/// Opens what the functions below give, for the rest of the process. A procfs of its own where that
/// is permitted, so that /proc can still be unmounted. Call it after the last fork(2), before a
/// thread is started. A process that never calls it gets what is at /proc when it is first needed.
/// ENOENT without a usable procfs.
Result<void> keep_proc();

/// What a child that serves in place of this process needs of it: /proc may be covered by then.
struct ProcForChild {
  UniqueFd root;
  bool is_found = false;
  bool is_of_this_place = false;
  bool has_own_numbers = false;
};

/// To be called before fork(2). EMFILE.
Result<ProcForChild> proc_for_child();

/// In the child, before it starts a thread; in place of keep_proc(). ENOENT without a usable
/// procfs.
Result<void> keep_proc_of_parent(const ProcForChild& parents);

/// This process's /proc/PID/fd (O_PATH): its entries are magic links to the open files. Invalid
/// without a procfs, which makes system calls fail with EBADF.
BorrowedFd own_files();

/// The procfs itself (O_PATH). "self" in it is this process.
BorrowedFd proc();

/// Whether its numbers are those by which this process knows others.
bool proc_has_own_numbers();

/// Whether the procfs that was at /proc when it was opened has these numbers as well: then the
/// processes that share this mount namespace can be expected to be found there.
bool proc_is_of_this_place();

/// Makes own_files() the current directory, for system calls that know no directory descriptor:
/// ProcPath is relative from then on. Call it when no relative path is needed any more, before a
/// thread has a current directory of its own. Returns whether it is.
bool stand_in_own_files();
bool stands_in_own_files();

/// The name of `fd` in own_files(). The link has to be followed.
class FdName {
 public:
  explicit FdName(BorrowedFd fd) { (void)std::snprintf(name_.data(), name_.size(), "%d", raw(fd)); }
  const char* c_str() const { return name_.data(); }

 private:
  std::array<char, 12> name_;
};

/// A path that reaches a Place, for system calls that know no directory descriptor. For an `fd`
/// place the last component is a magic link and has to be followed.
class ProcPath {
 public:
  explicit ProcPath(Place place);
  const char* c_str() const { return path_.data(); }

 private:
  std::array<char, 320> path_;  // "/proc/self/fd/" + digits + '/' + NAME_MAX fits.
};

/// The text of a file below proc(), as "self/mountinfo". ENOENT also when the process has ended.
Result<std::string> read_proc(const std::string& path);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PROC_H_
