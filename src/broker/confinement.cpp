// SPDX-License-Identifier: MIT
//
// Sanitizers need calls of their own, so that builds with them are not confined.

#include "broker/confinement.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include <span>

#include "base/scope_exit.h"
#include "sys/fuse_backing.h"
#include "sys/mount_api.h"

namespace overpass::broker {

namespace {

/// A call that is allowed, if an argument is as it should be.
struct Rule {
  int call;
  int argument = -1;  ///< Which argument; -1: any.
  uint64_t mask = 0;  ///< Which of its bits must be `value`.
  uint64_t value = 0;
};

constexpr uint64_t kAll = 0xffffffff;

// The rights of a process that serves a greeted client.
constexpr Rule kRegistering[] = {
    {SCMP_SYS(recvmsg)},
    {SCMP_SYS(sendmsg)},
    {SCMP_SYS(poll)},
    {SCMP_SYS(ppoll)},
    {SCMP_SYS(close)},
    // What is offered.
    {SCMP_SYS(fcntl), 1, kAll, F_GETFL},
    {SCMP_SYS(fcntl), 1, kAll, F_GET_SEALS},
    {SCMP_SYS(statx)},
    {SCMP_SYS(fstatfs)},
    {SCMP_SYS(name_to_handle_at)},
    // Its registration: no path is looked up, since the argument for it is "".
    {SCMP_SYS(open_tree)},
    {SCMP_SYS(mount_setattr)},
    {sys::kOpenTreeAttr},  // Which does what these two do.
    {SCMP_SYS(open_by_handle_at), 2, O_PATH, O_PATH},
    // A kept clone, by its number. What a path may be is not for a filter to say.
    {SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {SCMP_SYS(ioctl), 1, kAll, sys::kBackingOpen},
    {SCMP_SYS(ioctl), 1, kAll, sys::kBackingClose},
    // Log lines and time.
    {SCMP_SYS(write)},
    {SCMP_SYS(writev)},
    {SCMP_SYS(clock_gettime)},
    {SCMP_SYS(clock_nanosleep)},
    // Memory that is not executable, and the end.
    {SCMP_SYS(brk)},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
    {SCMP_SYS(munmap)},
    {SCMP_SYS(mremap)},
    {SCMP_SYS(madvise)},
    {SCMP_SYS(futex)},
    {SCMP_SYS(getpid)},
    {SCMP_SYS(gettid)},
    {SCMP_SYS(rt_sigaction)},
    {SCMP_SYS(rt_sigprocmask)},
    {SCMP_SYS(rt_sigreturn)},
    {SCMP_SYS(restart_syscall)},
    {SCMP_SYS(exit)},
    {SCMP_SYS(exit_group)},
};

constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                 CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

// What comes in addition before a client is greeted, and in the server.
constexpr Rule kServing[] = {
    {SCMP_SYS(accept4)},
    {SCMP_SYS(getsockopt)},
    {SCMP_SYS(setsockopt), 2, kAll, SO_RCVTIMEO},
    {SCMP_SYS(socketpair), 0, kAll, AF_UNIX},
    {SCMP_SYS(pidfd_open)},
    {SCMP_SYS(clone), 0, kNamespaces, 0},
    {SCMP_SYS(tgkill)},
    {SCMP_SYS(set_robust_list)},
    {SCMP_SYS(rseq)},
    {SCMP_SYS(wait4)},
    {SCMP_SYS(kill)},
    {SCMP_SYS(close_range)},
    {SCMP_SYS(read)},
    {SCMP_SYS(pread64)},
    // The greeting.
    {SCMP_SYS(uname)},
    {SCMP_SYS(setns), 1, kAll, CLONE_NEWNS},
    {SCMP_SYS(capget)},
    {SCMP_SYS(capset)},
    {SCMP_SYS(seccomp)},
    {SCMP_SYS(prctl), 0, kAll, PR_SET_NO_NEW_PRIVS},
    {SCMP_SYS(prctl), 0, kAll, PR_SET_SECCOMP},
    {SCMP_SYS(prctl), 0, kAll, PR_GET_SECCOMP},
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kConfines = false;
#else
constexpr bool kConfines = true;
#endif

int add(scmp_filter_ctx filter, const Rule& rule) {
  if (rule.argument < 0) return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule.call, 0);
  const scmp_arg_cmp condition = {static_cast<unsigned>(rule.argument), SCMP_CMP_MASKED_EQ,
                                  rule.mask, rule.value};
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule.call, 1, &condition);
}

Result<void> confine(bool with_serving) {
  if (!kConfines) return {};
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == nullptr) return fail(ENOMEM);
  const ScopeExit release([filter] { seccomp_release(filter); });
  for (const Rule& rule : kRegistering) {
    if (const int error = add(filter, rule); error < 0) return fail(-error);
  }
  // To end itself (abort(3)); the other processes of the broker have the same user.
  const Rule to_oneself = {SCMP_SYS(tgkill), 0, kAll, static_cast<uint64_t>(::getpid())};
  const std::span<const Rule> others =
      with_serving ? std::span(kServing) : std::span(&to_oneself, 1);
  for (const Rule& rule : others) {
    if (const int error = add(filter, rule); error < 0) return fail(-error);
  }
  if (const int error = seccomp_load(filter); error < 0) return fail(-error);
  return {};
}

}  // namespace

Result<void> confine_to_serving() { return confine(true); }

Result<void> confine_to_registering() { return confine(false); }

}  // namespace overpass::broker
