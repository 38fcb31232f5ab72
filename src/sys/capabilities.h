// SPDX-License-Identifier: MIT
//
// capget(2) and capset(2), which act on the calling thread. For sys/ itself; what the daemon and
// the services do with capabilities is credentials.h and privileges.h.

#ifndef OVERPASS_SYS_CAPABILITIES_H_
#define OVERPASS_SYS_CAPABILITIES_H_

#include <cstdint>

#include "base/result.h"

namespace overpass::sys {

/// Sets of capabilities; capability N (linux/capability.h) is bit N.
struct CapabilitySets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
};

constexpr uint64_t bit_of(int capability) { return uint64_t{1} << capability; }

Result<CapabilitySets> get_capabilities();
Result<void> set_capabilities(const CapabilitySets& sets);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CAPABILITIES_H_
