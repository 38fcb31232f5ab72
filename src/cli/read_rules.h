// SPDX-License-Identifier: MIT
//
// The rules of a call, before anything is mounted: files are read, and what is not understood is
// told.

#ifndef OVERPASS_CLI_READ_RULES_H_
#define OVERPASS_CLI_READ_RULES_H_

#include "base/problem.h"
#include "config/options.h"
#include "rules/table.h"

namespace overpass::cli {

/// Puts the rules of files in the place of these, and understands all rules. Paths are absolute.
Expected<rules::Table> read_rules(config::Options& options);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_READ_RULES_H_
