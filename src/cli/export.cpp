// SPDX-License-Identifier: MIT
//
// `overpass export`: becomes overpass-archive, which has the libraries for archives.

#include <unistd.h>

#include "base/nearest.h"
#include "cli/archive_call.h"
#include "cli/commands.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--format", '\0', "FORMAT", "oci (the default), tar, dir, mstack or patch"},
    {"--output", 'o', "PATH", "write to PATH, not to standard output", command_line::Value::File},
    {"--compress", '\0', "HOW", "of oci and tar: none, gzip or zstd"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass export --compress zstd -o layer.tar.zst try1", "What was changed in try1."},
    {"overpass export --format mstack -o try1.mstack try1", "For systemd-nspawn --mstack."},
};

Expected<void> check(const ExportCall& call) {
  const bool is_archive = call.format == Format::Oci || call.format == Format::Tar;
  const bool is_compression =
      call.compression == "none" || call.compression == "gzip" || call.compression == "zstd";
  if (!is_compression) {
    return problem("--compress takes no " + in_quotes(call.compression), "say none, gzip or zstd");
  }
  if (!is_archive && call.compression != "none") {
    return problem("--compress is for archives", "leave it out, or say --format tar");
  }
  if (!is_file(call.format) && call.output.empty()) {
    return problem("a directory needs a place", "say -o DIR");
  }
  if (call.format == Format::Mstack && !call.output.ends_with(".mstack")) {
    return problem(
        "the name of a mount stack ends with .mstack, and " + in_quotes(call.output) + " does not",
        "say -o NAME.mstack");
  }
  if (is_archive && call.output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    return problem("an archive is not for a terminal", "say -o FILE");
  }
  return {};
}

}  // namespace

constexpr command_line::Command kExportCommand = {
    .name = "export",
    .synopsis = "overpass export [OPTIONS] NAME",
    .summary = "write the changes of a sandbox as an archive, a directory or a patch",
    .description =
        "An archive is a layer of a container image (oci), or all that 'overpass import' needs\n"
        "(tar). The same changes always make the same bytes.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help export",
};

Expected<ExportCall> read_export_call(const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return problem("export needs the NAME of one sandbox", "'overpass list' shows all");
  }
  ExportCall call;
  call.name = parsed.operands.front();
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name == "--output") call.output = flag.value;
    if (flag.name == "--compress") call.compression = flag.value;
    if (flag.name != "--format") continue;
    const auto format = find_format(flag.value);
    if (!format) {
      return problem("--format takes no " + in_quotes(flag.value),
                     "say oci, tar, dir, mstack or patch");
    }
    call.format = *format;
  }
  while (call.output.size() > 1 && call.output.ends_with('/')) call.output.pop_back();
  if (auto checked = check(call); !checked) return std::unexpected(checked.error());
  return call;
}

int run_export(Context& context, const ParsedArguments& parsed) {
  const auto call = read_export_call(parsed);
  if (!call) return fail_with(context, call.error(), kUsage);
  return become_archive_program(context, "export", parsed);
}

}  // namespace overpass::cli
