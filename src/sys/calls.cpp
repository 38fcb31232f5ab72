// SPDX-License-Identifier: MIT
//
// Most probes name a descriptor that cannot be open; none changes anything.

#include "sys/calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <span>

#include "sys/call_numbers.h"
#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

constexpr int kNone = -1;  ///< No descriptor.
constexpr char kName[] = "x";
constexpr char kAttribute[] = "user.x";

/// Whether the answer to arguments that name nothing is no refusal by a filter.
bool is_there(long answer) {
  return answer >= 0 || (errno != ENOSYS && errno != EPERM && errno != EACCES);
}

NewerCalls probe_newer() {
  open_how how = {};
  XattrArguments value = {};
  FileAttributes attributes = {};
  return {
      .openat2 = is_there(::syscall(SYS_openat2, kNone, kName, &how, sizeof how)),
      .fchmodat2 = is_there(::syscall(kFchmodAt2, kNone, kName, 0, 0)),
      .xattrat =
          is_there(::syscall(kGetXattrAt, kNone, kName, 0, kAttribute, &value, sizeof value)) &&
          is_there(::syscall(kSetXattrAt, kNone, kName, 0, kAttribute, &value, sizeof value)) &&
          is_there(::syscall(kListXattrAt, kNone, kName, 0, nullptr, 0UL)) &&
          is_there(::syscall(kRemoveXattrAt, kNone, kName, 0, kAttribute)),
      .file_getattr =
          is_there(::syscall(kFileGetAttr, kNone, kName, &attributes, sizeof attributes, 0)),
      .faccessat2 = is_there(::syscall(SYS_faccessat2, kNone, kName, W_OK, AT_EACCESS)),
      .mknodat = is_there(::syscall(SYS_mknodat, kNone, kName, S_IFREG, 0)),
      .io_uring = is_there(::syscall(SYS_io_uring_register, kNone, 0, nullptr, 0)) &&
                  is_there(::syscall(SYS_io_uring_enter, kNone, 0, 0, 0, nullptr, 0UL)),
  };
}

struct Needed {
  const char* name;
  long (*call)();
};

// Each as the raw system call: the library may make another when one is refused.
constexpr Needed kNeeded[] = {
    {"openat", [] { return ::syscall(SYS_openat, kNone, kName, O_RDONLY, 0); }},
    {"statx", [] { return ::syscall(SYS_statx, kNone, kName, 0, 0, nullptr); }},
    {"readlinkat", [] { return ::syscall(SYS_readlinkat, kNone, kName, nullptr, 1UL); }},
    {"getdents64", [] { return ::syscall(SYS_getdents64, kNone, nullptr, 0UL); }},
    {"lseek", [] { return ::syscall(SYS_lseek, kNone, 0L, 0); }},
    {"pread64", [] { return ::syscall(SYS_pread64, kNone, nullptr, 0UL, 0L); }},
    {"preadv2", [] { return ::syscall(SYS_preadv2, kNone, nullptr, 0UL, 0L, 0L, 0); }},
    {"fstatfs", [] { return ::syscall(SYS_fstatfs, kNone, nullptr); }},
    {"ioctl", [] { return ::syscall(SYS_ioctl, kNone, 0UL, nullptr); }},
    {"fcntl", [] { return ::syscall(SYS_fcntl, kNone, F_GETFL, 0); }},
    {"write", [] { return ::syscall(SYS_write, kNone, nullptr, 0UL); }},
    {"writev", [] { return ::syscall(SYS_writev, kNone, nullptr, 0UL); }},
    {"getpid", [] { return ::syscall(SYS_getpid); }},
    {"getuid", [] { return ::syscall(SYS_getuid); }},
    {"geteuid", [] { return ::syscall(SYS_geteuid); }},
    {"getgid", [] { return ::syscall(SYS_getgid); }},
    {"getegid", [] { return ::syscall(SYS_getegid); }},
    {"tgkill", [] { return ::syscall(SYS_tgkill, -1, -1, 0); }},
    {"rt_sigaction", [] { return ::syscall(SYS_rt_sigaction, 0, nullptr, nullptr, 8UL); }},
};

constexpr Needed kNeededForWriting[] = {
    // Each thread makes files with the umask of a caller.
    {"unshare", [] { return ::syscall(SYS_unshare, 0UL); }},
    {"umask",
     [] {
       const long umask = ::syscall(SYS_umask, 022);
       return umask < 0 ? umask : ::syscall(SYS_umask, umask);
     }},
    {"setfsuid", [] { return ::syscall(SYS_setfsuid, -1); }},
    {"setfsgid", [] { return ::syscall(SYS_setfsgid, -1); }},
    {"mkdirat", [] { return ::syscall(SYS_mkdirat, kNone, kName, 0); }},
    {"symlinkat", [] { return ::syscall(SYS_symlinkat, kName, kNone, kName); }},
    {"linkat", [] { return ::syscall(SYS_linkat, kNone, kName, kNone, kName, 0); }},
    {"unlinkat", [] { return ::syscall(SYS_unlinkat, kNone, kName, 0); }},
    {"renameat2", [] { return ::syscall(SYS_renameat2, kNone, kName, kNone, kName, 0U); }},
    {"fchownat", [] { return ::syscall(SYS_fchownat, kNone, kName, 0U, 0U, 0); }},
    {"utimensat", [] { return ::syscall(SYS_utimensat, kNone, kName, nullptr, 0); }},
    {"ftruncate", [] { return ::syscall(SYS_ftruncate, kNone, 0L); }},
    {"fallocate", [] { return ::syscall(SYS_fallocate, kNone, 0, 0L, 1L); }},
    {"pwrite64", [] { return ::syscall(SYS_pwrite64, kNone, nullptr, 0UL, 0L); }},
    {"pwritev2", [] { return ::syscall(SYS_pwritev2, kNone, nullptr, 0UL, 0L, 0L, 0); }},
    {"fsync", [] { return ::syscall(SYS_fsync, kNone); }},
    {"fdatasync", [] { return ::syscall(SYS_fdatasync, kNone); }},
};

std::optional<RefusedCall> first_refused(std::span<const Needed> calls) {
  for (const Needed& needed : calls) {
    if (!is_there(needed.call())) return RefusedCall{needed.name, Errno{errno}};
  }
  return std::nullopt;
}

}  // namespace

const NewerCalls& newer_calls() {
  static const NewerCalls calls = probe_newer();
  return calls;
}

std::optional<RefusedCall> find_refused_call(bool for_writing) {
  auto refused = first_refused(kNeeded);
  if (!refused && for_writing) refused = first_refused(kNeededForWriting);
  return refused;
}

Result<void> try_thread() {
  pthread_t thread;
  const int error = ::pthread_create(
      &thread, nullptr, [](void* nothing) { return nothing; }, nullptr);
  if (error != 0) return fail(error);
  (void)::pthread_join(thread, nullptr);
  return {};
}

}  // namespace overpass::sys
