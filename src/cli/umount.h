// SPDX-License-Identifier: MIT
//
// `overpass umount`.

#ifndef OVERPASS_CLI_UMOUNT_H_
#define OVERPASS_CLI_UMOUNT_H_

#include "cli/context.h"

namespace overpass::cli {

int run_umount(Context& context, const Arguments& arguments);
void help_umount(std::ostream& out);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_UMOUNT_H_
