// SPDX-License-Identifier: MIT
//
// `overpass export`: becomes overpass-export, which has the libraries for archives.

#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/export_call.h"
#include "sys/program.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "overpass-export";

constexpr command_line::Flag kFlags[] = {
    {"--output", 'o', "FILE", "write to FILE, not to standard output", command_line::Value::File},
    {"--compress", '\0', "HOW", "none, gzip or zstd"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass export --compress zstd -o layer.tar.zst try1", "What was changed in try1."},
};

/// Beside this program, as in a build directory, or where it is installed.
std::string program_path() {
  std::error_code error;
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / kProgram;
  return fs::exists(beside, error) ? beside.string()
                                   : std::string(OVERPASS_LIBEXECDIR) + "/" + kProgram;
}

}  // namespace

constexpr command_line::Command kExportCommand = {
    .name = "export",
    .synopsis = "overpass export [OPTIONS] NAME",
    .summary = "write the changes of a sandbox as a layer of a container image",
    .description = "The same changes always make the same bytes.",
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
  }
  if (call.compression != "none" && call.compression != "gzip" && call.compression != "zstd") {
    return problem("--compress takes no " + in_quotes(call.compression), "say none, gzip or zstd");
  }
  if (call.output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    return problem("an archive is not for a terminal", "say -o FILE");
  }
  return call;
}

int run_export(Context& context, const ParsedArguments& parsed) {
  const auto call = read_export_call(parsed);
  if (!call) return fail_with(context, call.error(), kUsage);
  std::vector<std::string> words = {program_path(), "--compress", call->compression};
  if (!call->output.empty()) words.insert(words.end(), {"--output", call->output});
  words.insert(words.end(), {"--", call->name});
  const Errno error = sys::execute(words);
  return fail_with(context,
                   {in_quotes(words.front()) + " cannot be run: " + std::strerror(to_int(error)),
                    "install overpass completely"});
}

}  // namespace overpass::cli
