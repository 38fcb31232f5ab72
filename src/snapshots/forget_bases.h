// SPDX-License-Identifier: MIT
//
// What a sandbox keeps of what was there before its changes (layer/kept_base.h) goes with these.

#ifndef OVERPASS_SNAPSHOTS_FORGET_BASES_H_
#define OVERPASS_SNAPSHOTS_FORGET_BASES_H_

#include <map>
#include <string>
#include <vector>

#include "layer/base_stamp.h"
#include "sandbox/record.h"
#include "snapshots/held_sandbox.h"

namespace overpass::snapshots {

/// What was kept for the files at `names` and below them, by their stamps in `known`, goes from
/// what `one` alone has, if its layers have nothing there any more. Best effort: what stays is of
/// no use, and goes with the layers.
void forget_bases(const HeldSandbox& held, const sandbox::FileSystem& one,
                  const std::map<std::string, layer::BaseStamp>& known,
                  const std::vector<std::string>& names);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_FORGET_BASES_H_
