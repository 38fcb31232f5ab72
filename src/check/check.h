// SPDX-License-Identifier: MIT
//
// Verifies an upper and its workdir, which must not be mounted, against the lowers that they were
// used with. Reads only, unless it is to repair; then it makes single system calls that each leave
// a sound upper, so that it may be ended at any moment. Never writes to a lower.

#ifndef OVERPASS_CHECK_CHECK_H_
#define OVERPASS_CHECK_CHECK_H_

#include "base/problem.h"
#include "check/finding.h"
#include "layer/layer_paths.h"

namespace overpass::check {

/// A Problem when the check could not begin. REQUIRES: paths has an upper and a workdir.
Expected<Summary> check(const layer::LayerPaths& paths, bool may_repair, const Listener& listener);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_CHECK_H_
