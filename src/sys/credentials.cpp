// SPDX-License-Identifier: MIT
//
// setfsuid(2), unshare(2).

#include "sys/credentials.h"

#include <fcntl.h>
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
#include <sstream>

#include "base/id_map.h"
#include "sys/capabilities.h"
#include "sys/errno_result.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

/// Puts `capability` into or out of the effective set; whether it was changed.
bool set_effective(int capability, bool on) {
  auto sets = get_capabilities();
  if (!sets) return false;
  const bool is_on = (sets->effective & bit_of(capability)) != 0;
  if ((sets->permitted & bit_of(capability)) == 0 || is_on == on) return false;
  sets->effective ^= bit_of(capability);
  return set_capabilities(*sets).has_value();
}

bool in_initial_namespace() {
  constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;  // PROC_USER_INIT_INO, linux/nsfs.h.
  struct stat own;
  return ::fstatat(raw(proc()), "self/ns/user", &own, 0) == 0 &&
         own.st_ino == kInitialUserNamespace;
}

/// Whether a map of ids (user_namespaces(7)) has the overflow id among those of this namespace.
bool maps_overflow_id(const char* map) {
  std::istringstream lines(read_proc(map).value_or(""));
  uint64_t inside = 0;
  uint64_t outside = 0;
  uint64_t count = 0;
  while (lines >> inside >> outside >> count) {
    if (inside <= IdMap::kOverflow && IdMap::kOverflow - inside < count) return true;
  }
  return false;
}

}  // namespace

void trim_capabilities() {
  // Without it, leaving and re-entering file system uid 0 would drop and raise capabilities.
  const int bits = ::prctl(PR_GET_SECUREBITS);
  if (bits >= 0) (void)::prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP);
  (void)set_effective(CAP_FSETID, false);
  (void)set_effective(CAP_SYS_RESOURCE, false);
}

void keep_capabilities_at_execution() {
  if (::geteuid() == 0) return;
  auto sets = get_capabilities();
  if (!sets || sets->permitted == 0) return;
  sets->inheritable = sets->permitted;
  if (!set_capabilities(*sets)) return;
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if ((sets->permitted & bit_of(capability)) == 0) continue;
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  }
}

bool may_administer_own_namespace() {
  const auto sets = get_capabilities();
  return sets && (sets->effective & bit_of(CAP_SYS_ADMIN)) != 0;
}

bool is_privileged_in_initial_namespace() {
  return in_initial_namespace() && may_administer_own_namespace();
}

bool is_unmapped(Place place, const Stat& stat) {
  static const bool is_nested = !in_initial_namespace();
  const bool is_uid = stat.stx_uid == IdMap::kOverflow;
  const bool is_gid = stat.stx_gid == IdMap::kOverflow;
  if (!is_nested || (!is_uid && !is_gid)) return false;
  static const bool maps_uid = maps_overflow_id("self/uid_map");
  static const bool maps_gid = maps_overflow_id("self/gid_map");
  if ((is_uid && !maps_uid) || (is_gid && !maps_gid)) return true;
  if (!is_uid || (!S_ISREG(stat.stx_mode) && !S_ISDIR(stat.stx_mode))) return false;
  // O_NOATIME is for the owner and for CAP_FOWNER, which reaches mapped owners only.
  const auto opened = open_place(place, O_RDONLY | O_NOATIME | O_NONBLOCK);
  return opened.failed_with(EPERM) || opened.failed_with(EACCES);
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
  (void)::setfsgid(gid);  // Reports no failure; without permission it does nothing.
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
