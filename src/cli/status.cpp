// SPDX-License-Identifier: MIT
//
// Finds the mount, asks it, and prints the answer as it is or made readable.

#include "cli/status.h"

#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/mount_table.h"
#include "cli/status_report.h"

namespace overpass::cli {

namespace {

constexpr Flag kFlags[] = {
    {"--json", '\0', "", "print the JSON text itself"},
    {"--help", 'h', "", "show this help"},
};

}  // namespace

int run_status(Context& context, const Arguments& arguments) {
  const auto parsed = parse_arguments(arguments, kFlags);
  if (!parsed) return fail_with(context, parsed.error(), kUsage);
  if (parsed->has("--help")) return run_help(context, {"status"});
  if (parsed->operands.size() != 1) {
    return fail_with(context, {"status takes one mountpoint", "overpass status MOUNTPOINT"},
                     kUsage);
  }
  const auto mountpoint = resolve_overpass_mount(parsed->operands.front());
  if (!mountpoint) return fail_with(context, mountpoint.error());
  const auto status = read_status(*mountpoint);
  if (!status) return fail_with(context, status.error());
  if (parsed->has("--json")) {
    context.out << *status << "\n";
    return kSuccess;
  }
  const auto summary = summarize_status(*status);
  if (!summary) return fail_with(context, summary.error());
  context.out << *summary;
  return kSuccess;
}

void help_status(std::ostream& out) {
  out << "\n";
  print_flags(out, kFlags);
}

}  // namespace overpass::cli
