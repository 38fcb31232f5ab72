// SPDX-License-Identifier: MIT
//
// The two commands of overpass-archive.

#ifndef OVERPASS_ARCHIVE_COMMANDS_H_
#define OVERPASS_ARCHIVE_COMMANDS_H_

#include "cli/archive_call.h"
#include "cli/context.h"

namespace overpass::archive {

/// Writes what the call wants: the exit status.
int run_export(cli::Context& context, const cli::ExportCall& call);

/// Makes the sandbox that the call wants: the exit status.
int run_import(cli::Context& context, const cli::ImportCall& call);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_COMMANDS_H_
