// SPDX-License-Identifier: MIT
//
// landlock_restrict_self(2), seccomp(2), keyctl(2), prctl(2).

#include "sys/confinement.h"

#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "base/scope_exit.h"
#include "base/unique_fd.h"
#include "sys/capabilities.h"
#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

/// landlock_ruleset_attr of Linux 6.12: linux/landlock.h of Debian 12 is older.
struct LandlockRuleset {
  uint64_t handled_access_fs = 0;
  uint64_t handled_access_net = 0;
  uint64_t scoped = 0;
};
constexpr uint64_t kScopeAbstractSockets = 1;
constexpr long kFirstWithScopes = 6;  ///< The version of the interface.

/// Refuses `call` if all `arguments` are so; without any, always.
Result<void> refuse(scmp_filter_ctx filter, int call, std::initializer_list<scmp_arg_cmp> arguments,
                    int with = EPERM) {
  const int error =
      seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(with), call,
                             static_cast<unsigned>(arguments.size()), std::data(arguments));
  if (error < 0) return fail(-error);
  return {};
}

/// The argument `number`, of which the kernel looks at 32 bits, is `value`.
scmp_arg_cmp is(unsigned number, uint64_t value) {
  return SCMP_CMP64(number, SCMP_CMP_MASKED_EQ, 0xffffffff, value);
}

/// Programs of the other sizes of word must not get round the filter.
void add_other_architectures(scmp_filter_ctx filter) {
  const uint32_t native = seccomp_arch_native();
  if (native == SCMP_ARCH_X86_64) {
    (void)seccomp_arch_add(filter, SCMP_ARCH_X86);
    (void)seccomp_arch_add(filter, SCMP_ARCH_X32);
  } else if (native == SCMP_ARCH_AARCH64) {
    (void)seccomp_arch_add(filter, SCMP_ARCH_ARM);
  }
}

/// The caller's process group has processes outside, which "the own group" would mean as well.
Result<void> spare_process_group(scmp_filter_ctx filter) {
  constexpr uint64_t kIoPriorityOfGroup = 2;  // IOPRIO_WHO_PGRP of linux/ioprio.h.
  TRY(refuse(filter, SCMP_SYS(kill), {is(0, 0)}));
  TRY(refuse(filter, SCMP_SYS(setpriority), {is(0, PRIO_PGRP), is(1, 0)}));
  return refuse(filter, SCMP_SYS(ioprio_set), {is(0, kIoPriorityOfGroup), is(1, 0)});
}

/// Keyrings ask for the user's id, and know no namespace.
Result<void> close_keyrings(scmp_filter_ctx filter) {
  for (const int call : {SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key)}) {
    TRY(refuse(filter, call, {}, ENOSYS));
  }
  return {};
}

Result<void> add_rules(scmp_filter_ctx filter) {
  for (const unsigned long request : {TIOCSTI, TIOCLINUX}) {
    TRY(refuse(filter, SCMP_SYS(ioctl), {is(1, request)}));
  }
  const scmp_arg_cmp cgroup =
      SCMP_A0_64(SCMP_CMP_MASKED_EQ, uint64_t{CLONE_NEWCGROUP}, uint64_t{CLONE_NEWCGROUP});
  TRY(refuse(filter, SCMP_SYS(unshare), {cgroup}));
  TRY(refuse(filter, SCMP_SYS(clone), {cgroup}));
  TRY(refuse(filter, SCMP_SYS(clone3), {}, ENOSYS));
  TRY(spare_process_group(filter));
  return close_keyrings(filter);
}

}  // namespace

Result<void> close_abstract_sockets() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < kFirstWithScopes) return {};
  const LandlockRuleset wanted = {.scoped = kScopeAbstractSockets};
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0)));
  if (ruleset.empty()) return fail(errno);
  return checked_void(::syscall(SYS_landlock_restrict_self, raw(ruleset), 0));
}

Result<void> filter_system_calls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return fail(ENOMEM);
  const ScopeExit release([filter] { seccomp_release(filter); });
  // A program with CAP_SYS_ADMIN keeps its set-id programs.
  (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
  (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  add_other_architectures(filter);
  TRY(add_rules(filter));
  const int error = seccomp_load(filter);
  if (error < 0) return fail(-error);
  return {};
}

void leave_keyring() { (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); }

void close_to_debuggers() { (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

Result<void> give_up_privileges() {
  TRY(checked_void(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) break;
  }
  return set_capabilities({});
}

}  // namespace overpass::sys
