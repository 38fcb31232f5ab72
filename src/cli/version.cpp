// SPDX-License-Identifier: MIT
//
// `overpass version`, and `overpass --version`: the program, its libfuse, and what it finds on this
// machine.

#include "cli/commands.h"
#include "cli/machine.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--json", '\0', "", "write one JSON document, with libfuse and what was found"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass --version --json", "The versions, and what this machine offers."}};

}  // namespace

constexpr command_line::Command kVersionCommand = {
    .name = "version",
    .synopsis = "overpass version [--json]\noverpass --version [--json]",
    .summary = "show the version, and what this machine offers",
    .description = "",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Nothing,
    .help_call = "overpass help version",
};

int run_version(Context& context, const ParsedArguments& parsed) {
  if (parsed.has("--json")) {
    context.out << describe_machine() << "\n";
  } else {
    context.out << "overpass " OVERPASS_VERSION "\n";
  }
  return kSuccess;
}

}  // namespace overpass::cli
