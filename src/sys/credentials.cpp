// SPDX-License-Identifier: MIT
//
// capget(2) and capset(2) directly (they act on the calling thread), setfsuid(2), unshare(2).

#include "sys/credentials.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

struct Capabilities {
  __user_cap_data_struct words[2] = {};
};

constexpr uint32_t bit(int capability) { return 1U << (capability % 32); }

Result<Capabilities> current_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  Capabilities capabilities;
  TRY(checked_void(::syscall(SYS_capget, &header, capabilities.words)));
  return capabilities;
}

Result<void> set_capabilities(Capabilities& capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  return checked_void(::syscall(SYS_capset, &header, capabilities.words));
}

/// Puts `capability` into or out of the effective set; whether it was changed.
bool set_effective(int capability, bool on) {
  auto capabilities = current_capabilities();
  if (!capabilities) return false;
  auto& word = capabilities->words[capability / 32];
  const bool permitted = (word.permitted & bit(capability)) != 0;
  const bool is_on = (word.effective & bit(capability)) != 0;
  if (!permitted || is_on == on) return false;
  word.effective ^= bit(capability);
  return set_capabilities(*capabilities).has_value();
}

bool in_initial_namespace() {
  constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;  // PROC_USER_INIT_INO, linux/nsfs.h.
  struct stat own;
  return ::stat("/proc/self/ns/user", &own) == 0 && own.st_ino == kInitialUserNamespace;
}

}  // namespace

void trim_capabilities() {
  // Without it, leaving and re-entering file system uid 0 would drop and raise capabilities.
  const int bits = ::prctl(PR_GET_SECUREBITS);
  if (bits >= 0) (void)::prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP);
  (void)set_effective(CAP_FSETID, false);
  (void)set_effective(CAP_SYS_RESOURCE, false);
}

bool may_administer_own_namespace() {
  auto capabilities = current_capabilities();
  return capabilities &&
         (capabilities->words[CAP_SYS_ADMIN / 32].effective & bit(CAP_SYS_ADMIN)) != 0;
}

bool is_privileged_in_initial_namespace() {
  return in_initial_namespace() && may_administer_own_namespace();
}

bool may_be_unmapped(uid_t uid, gid_t gid) {
  constexpr unsigned kOverflowId = 65534;  // The default of /proc/sys/kernel/overflowuid.
  static const bool is_nested = !in_initial_namespace();
  return is_nested && (uid == kOverflowId || gid == kOverflowId);
}

namespace {

// They never change while the daemon serves.
uid_t own_uid() {
  static const uid_t uid = ::geteuid();
  return uid;
}
gid_t own_gid() {
  static const gid_t gid = ::getegid();
  return gid;
}

}  // namespace

ActingAs::ActingAs(uid_t uid, gid_t gid)
    : changed_((uid != own_uid() || gid != own_gid()) && uid != static_cast<uid_t>(-1)) {
  if (!changed_) return;
  (void)::setfsgid(gid);  // Never fails visibly; where it may not be done, it is not done.
  (void)::setfsuid(uid);
}

ActingAs::~ActingAs() {
  if (!changed_) return;
  (void)::setfsuid(own_uid());
  (void)::setfsgid(own_gid());
}

KeepingSetgid::KeepingSetgid(bool wanted) : raised_(wanted && set_effective(CAP_FSETID, true)) {}

KeepingSetgid::~KeepingSetgid() {
  if (raised_) (void)set_effective(CAP_FSETID, false);
}

void set_thread_umask(mode_t mask) {
  constexpr mode_t kUnknown = ~mode_t{0};
  thread_local mode_t current = kUnknown;
  if (current == mask) return;
  // Threads share the umask until they are unshared; needs no privilege.
  if (current == kUnknown) (void)::unshare(CLONE_FS);
  (void)::umask(mask);
  current = mask;
}

void raise_descriptor_limit() {
  struct rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace overpass::sys
