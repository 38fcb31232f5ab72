// SPDX-License-Identifier: MIT
//
// A call of `overpass export`, which two programs read: the one that the user calls, and the one
// that it becomes.

#ifndef OVERPASS_CLI_EXPORT_CALL_H_
#define OVERPASS_CLI_EXPORT_CALL_H_

#include <string>

#include "base/problem.h"
#include "cli/commands.h"

namespace overpass::cli {

struct ExportCall {
  std::string name;                  ///< Of the sandbox.
  std::string output;                ///< A file; empty: standard output.
  std::string compression = "none";  ///< Or gzip, or zstd.
};

Expected<ExportCall> read_export_call(const ParsedArguments& parsed);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_EXPORT_CALL_H_
