// SPDX-License-Identifier: MIT
//
// `overpass import`: becomes overpass-archive, which has the libraries for archives.

#include <unistd.h>

#include "base/nearest.h"
#include "cli/archive_call.h"
#include "cli/commands.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--format", '\0', "FORMAT", "oci (the default), tar, dir or mstack"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass import try1 --format tar changes.tar.zst", "What export --format tar wrote."},
    {"ssh host overpass export try1 | overpass import try1", "From another machine."},
};

}  // namespace

constexpr command_line::Command kImportCommand = {
    .name = "import",
    .synopsis = "overpass import [--format FORMAT] NAME [FILE|DIR]",
    .summary = "make a sandbox of what 'overpass export' wrote",
    .description =
        "Without FILE an archive is read from standard input. There is a whole sandbox at the\n"
        "end, or none.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::File,
    .help_call = "overpass help import",
};

Expected<ImportCall> read_import_call(const ParsedArguments& parsed) {
  if (parsed.operands.empty() || parsed.operands.size() > 2) {
    return problem("import needs the NAME of a new sandbox, and a FILE or DIR",
                   "'overpass help import' shows how it is called");
  }
  ImportCall call;
  call.name = parsed.operands.front();
  if (parsed.operands.size() == 2) call.input = parsed.operands.back();
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name != "--format") continue;
    const auto format = find_format(flag.value);
    if (!format || *format == Format::Patch) {
      return problem("--format takes no " + in_quotes(flag.value),
                     format ? "apply a patch in the sandbox: overpass run NAME -- "
                              "git apply FILE"
                            : "say oci, tar, dir or mstack");
    }
    call.format = *format;
  }
  if (!is_file(call.format) && call.input.empty()) {
    return problem("no directory is named", "name the one that export wrote");
  }
  if (call.input.empty() && ::isatty(STDIN_FILENO) == 1) {
    return problem("an archive does not come from a terminal", "name a FILE");
  }
  return call;
}

int run_import(Context& context, const ParsedArguments& parsed) {
  const auto call = read_import_call(parsed);
  if (!call) return fail_with(context, call.error(), kUsage);
  return become_archive_program(context, "import", parsed);
}

}  // namespace overpass::cli
