// SPDX-License-Identifier: MIT
//
// overpass-archive, which `overpass export` and `overpass import` become: it alone has libarchive,
// so that what serves a mount need not load a dozen libraries. It is called with the command and
// its arguments.

#include <clocale>
#include <optional>

#include "archive/commands.h"
#include "cli/command.h"
#include "command_line/parse.h"
#include "sys/inheritance.h"

namespace overpass::archive {

namespace {

using cli::Arguments;
using cli::Context;

std::optional<command_line::ParsedArguments> read(Context& context, const Arguments& arguments,
                                                  const command_line::Command& command,
                                                  int& status) {
  auto parsed = command_line::parse(arguments, command);
  if (!parsed) {
    status = cli::fail_with(context, parsed.error(), cli::kUsage);
    return {};
  }
  if (!parsed->has("--help")) return std::move(*parsed);
  cli::print_help(context.out, command);
  status = cli::kSuccess;
  return {};
}

int run(Context& context, const Arguments& arguments) {
  const bool is_import = !arguments.empty() && arguments.front() == "import";
  const bool is_export = !arguments.empty() && arguments.front() == "export";
  const Arguments rest(arguments.begin() + (is_import || is_export ? 1 : 0), arguments.end());
  int status = cli::kSuccess;
  if (!is_import) {
    const auto parsed = read(context, rest, cli::kExportCommand, status);
    if (!parsed) return status;
    const auto call = cli::read_export_call(*parsed);
    return call ? run_export(context, *call) : cli::fail_with(context, call.error(), cli::kUsage);
  }
  const auto parsed = read(context, rest, cli::kImportCommand, status);
  if (!parsed) return status;
  const auto call = cli::read_import_call(*parsed);
  return call ? run_import(context, *call) : cli::fail_with(context, call.error(), cli::kUsage);
}

}  // namespace

}  // namespace overpass::archive

int main(int argc, char** argv) {
  overpass::sys::reset_signals();
  // libarchive reads names by the character set of the locale.
  (void)std::setlocale(LC_CTYPE, "C.UTF-8");
  auto context = overpass::cli::process_context();
  const overpass::cli::Arguments arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return overpass::archive::run(context, arguments);
}
