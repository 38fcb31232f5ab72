// SPDX-License-Identifier: MIT
//
// `overpass status`.

#ifndef OVERPASS_CLI_STATUS_H_
#define OVERPASS_CLI_STATUS_H_

#include "cli/context.h"

namespace overpass::cli {

int run_status(Context& context, const Arguments& arguments);
void help_status(std::ostream& out);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_STATUS_H_
