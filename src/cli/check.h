// SPDX-License-Identifier: MIT
//
// `overpass check`. Its exit status is its own: a script has to tell what was found from what could
// not be looked at.

#ifndef OVERPASS_CLI_CHECK_H_
#define OVERPASS_CLI_CHECK_H_

#include "cli/context.h"

namespace overpass::cli {

enum CheckExitCode : int {
  kCheckClean = 0,
  kCheckFaults = 1,  ///< Warnings or errors remain.
  kCheckUsage = 2,
  kCheckImpossible = 3,  ///< It could not begin, or was interrupted.
};

int run_check(Context& context, const Arguments& arguments);
void help_check(std::ostream& out);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_CHECK_H_
