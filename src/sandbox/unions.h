// SPDX-License-Identifier: MIT
//
// The unions of a sandbox as mount options: a planned mount, its layers in the store, and what
// makes its view most like the outside.

#ifndef OVERPASS_SANDBOX_UNIONS_H_
#define OVERPASS_SANDBOX_UNIONS_H_

#include <string>

#include "base/problem.h"
#include "config/options.h"
#include "sandbox/mount_plan.h"
#include "sandbox/record.h"
#include "sandbox/store.h"

namespace overpass::sandbox {

/// The options of the union `mount`, to be mounted at `mountpoint`. Makes its layers in the
/// sandbox; `record` learns of them. REQUIRES: `mount` is a union.
Expected<config::Options> options_of(const PlannedMount& mount, const std::string& mountpoint,
                                     const Sandbox& sandbox, Record& record);

/// Makes what is missing of the upper and workdir of `place`. The root of the upper gets the
/// attributes of `lower`, the topmost directory below.
Expected<void> make_layers(const Sandbox& sandbox, const FileSystem& place,
                           const std::string& lower);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_UNIONS_H_
