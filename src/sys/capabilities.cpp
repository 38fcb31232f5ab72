// SPDX-License-Identifier: MIT

#include "sys/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

uint64_t joined(uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; }

}  // namespace

Result<CapabilitySets> get_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
  TRY(checked_void(::syscall(SYS_capget, &header, words)));
  return CapabilitySets{.effective = joined(words[0].effective, words[1].effective),
                        .permitted = joined(words[0].permitted, words[1].permitted),
                        .inheritable = joined(words[0].inheritable, words[1].inheritable)};
}

Result<void> set_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
  for (int i = 0; i < 2; ++i) {
    words[i].effective = static_cast<uint32_t>(sets.effective >> (32 * i));
    words[i].permitted = static_cast<uint32_t>(sets.permitted >> (32 * i));
    words[i].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * i));
  }
  return checked_void(::syscall(SYS_capset, &header, words));
}

}  // namespace overpass::sys
