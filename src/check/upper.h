// SPDX-License-Identifier: MIT
//
// The walk over the upper: every name once, parents before children, each directory beside the
// lower directories that it is merged with.

#ifndef OVERPASS_CHECK_UPPER_H_
#define OVERPASS_CHECK_UPPER_H_

#include "check/context.h"

namespace overpass::check {

/// Fills context.index[].aliases on the way.
void check_upper(Context& context);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_UPPER_H_
