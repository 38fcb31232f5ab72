// SPDX-License-Identifier: MIT
//
// Running another program to its end.

#ifndef OVERPASS_SYS_PROGRAM_H_
#define OVERPASS_SYS_PROGRAM_H_

#include <initializer_list>

#include "base/result.h"

namespace overpass::sys {

/// Runs a program that is found in PATH, with no signal blocked and with /dev/null as its standard
/// streams. Its wait status: 0 is success. ENOENT when there is no such program.
Result<int> run_silently(std::initializer_list<const char*> command);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PROGRAM_H_
