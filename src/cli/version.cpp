// SPDX-License-Identifier: MIT
//
// `overpass version`, and `overpass --version`.

#include "cli/commands.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {{"--help", 'h', "", "show this help"}};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

}  // namespace

constexpr command_line::Command kVersionCommand = {
    .name = "version",
    .synopsis = "overpass version\noverpass --version",
    .summary = "show the version",
    .description = "",
    .groups = kGroups,
    .examples = {},
    .operand = command_line::Value::Nothing,
    .help_call = "overpass help version",
};

int run_version(Context& context, const ParsedArguments&) {
  context.out << "overpass " OVERPASS_VERSION "\n";
  return kSuccess;
}

}  // namespace overpass::cli
