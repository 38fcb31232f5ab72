// SPDX-License-Identifier: MIT
//
// setresuid(2), capset(2), prctl(2), setns(2).

#include "sys/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstring>

#include "sys/accounts.h"
#include "sys/capabilities.h"
#include "sys/errno_result.h"
#include "sys/open.h"

namespace overpass::sys {

namespace {

int number_of(Capability capability) {
  switch (capability) {
    case Capability::DacReadSearch:
      return CAP_DAC_READ_SEARCH;
    case Capability::SysAdmin:
      return CAP_SYS_ADMIN;
    case Capability::SysChroot:
      break;
  }
  return CAP_SYS_CHROOT;
}

uint64_t mask_of(Capabilities capabilities) {
  uint64_t mask = 0;
  for (const Capability capability : capabilities) mask |= uint64_t{1} << number_of(capability);
  return mask;
}

/// Matters to an execve(2) only, which seal_process() makes harmless as well; without CAP_SETPCAP
/// the starter of this process must see to it.
void bound_capabilities(uint64_t kept) {
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return;
  }
}

/// Keeps `needed`, those of `wanted` that this process has, and no other capability.
uint64_t kept_of(Capabilities needed, Capabilities wanted) {
  const auto sets = get_capabilities();
  return mask_of(needed) | (mask_of(wanted) & (sets ? sets->permitted : 0));
}

Result<void> keep_only(uint64_t kept) {
  return set_capabilities({.effective = kept, .permitted = kept, .inheritable = 0});
}

}  // namespace

Result<Identity> find_user(const char* name_or_number) {
  const char* end = name_or_number + std::strlen(name_or_number);
  uint32_t number = 0;
  const auto [read, error] = std::from_chars(name_or_number, end, number);
  if (error == std::errc{} && read == end) return Identity{number, number};
  const auto found = find_account(name_or_number);
  if (!found) return std::unexpected(found.error());
  return Identity{found->uid, found->gid};
}

bool is_superuser() { return ::geteuid() == 0; }

Result<void> become(Identity identity, Capabilities needed, Capabilities wanted) {
  const uint64_t mask = kept_of(needed, wanted);
  bound_capabilities(mask);
  TRY(checked_void(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)));
  TRY(checked_void(::setgroups(0, nullptr)));
  TRY(checked_void(::setresgid(identity.gid, identity.gid, identity.gid)));
  TRY(checked_void(::setresuid(identity.uid, identity.uid, identity.uid)));
  TRY(checked_void(::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)));
  return keep_only(mask);
}

Result<void> keep_capabilities(Capabilities needed, Capabilities wanted) {
  return keep_only(kept_of(needed, wanted));
}

Result<void> seal_process() {
  TRY(checked_void(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
  return checked_void(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

Result<UniqueFd> open_mount_namespace() { return open_path("/proc/self/ns/mnt", O_RDONLY); }

Result<void> enter_mount_namespace(BorrowedFd fd) {
  return checked_void(::setns(raw(fd), CLONE_NEWNS));
}

}  // namespace overpass::sys
