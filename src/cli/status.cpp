// SPDX-License-Identifier: MIT
//
// Finds the mounts, asks them, and prints the answers as they are or made readable.

#include "cli/commands.h"
#include "cli/mounted.h"
#include "cli/status_report.h"
#include "cli/status_summary.h"
#include "cli/status_trace.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--json", '\0', "", "print the JSON text itself; of all mounts a list"},
    {"--trace", '\0', "", "show the requests to the mount as they are answered, until interrupted"},
    command_line::kHelpFlag,
};

constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass status", "One line for each mount."},
    {"overpass status --trace merged",
     "Who asks what of ./merged, and how long each answer takes."},
    {"overpass status --json merged", "All that the mount at ./merged tells, for a program."},
};

/// One line, or one element of a list, for each union. Each is printed as soon as it has answered.
int list_all(Context& context, bool as_json) {
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) {
    return fail_with(context, {"/proc/self/mountinfo cannot be read", "mount /proc"});
  }
  const std::vector<std::string> unions = find_unions(*mountinfo);
  if (unions.empty() && !as_json) context.err << "no union is mounted\n";
  const char* separator = "";
  if (as_json) context.out << "[";
  for (const std::string& mountpoint : unions) {
    const auto status = read_status(mountpoint);
    if (as_json) {
      context.out << separator << json_of_mount(mountpoint, status);
      separator = ",\n";
    } else {
      context.out << line_of_mount(mountpoint, status) << '\n' << std::flush;
    }
  }
  if (as_json) context.out << "]\n";
  return kSuccess;
}

int show(Context& context, const std::string& target, bool as_json) {
  const auto mountpoint = find_mount(context, target);
  if (!mountpoint) return fail_with(context, mountpoint.error());
  const auto status = read_status(*mountpoint);
  if (!status) return fail_with(context, status.error());
  if (as_json) {
    context.out << *status << "\n";
    return kSuccess;
  }
  const auto summary = summarize_status(*status);
  if (!summary) return fail_with(context, summary.error());
  context.out << *summary;
  return kSuccess;
}

int trace(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.empty() || parsed.has("--json")) {
    return fail_with(
        context,
        {"--trace takes one mountpoint, and no --json", "'overpass status' lists the mounts"},
        kUsage);
  }
  const auto mountpoint = find_mount(context, parsed.operands.front());
  if (!mountpoint) return fail_with(context, mountpoint.error());
  const auto traced = trace_requests(context, *mountpoint);
  return traced ? kSuccess : fail_with(context, traced.error());
}

}  // namespace

constexpr command_line::Command kStatusCommand = {
    .name = "status",
    .synopsis = "overpass status [--json|--trace] [MOUNTPOINT|NAME]",
    .summary = "list all mounts, or show what one does and why not more",
    .description =
        "Without an argument all mounts are listed. A union is named by its mountpoint, "
        "by a path\ninside it, or by its NAME in overpass.toml.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Mounted,
    .help_call = "overpass help status",
};

int run_status(Context& context, const ParsedArguments& parsed) {
  const bool as_json = parsed.has("--json");
  if (parsed.operands.empty() && !parsed.has("--trace")) return list_all(context, as_json);
  if (parsed.operands.size() > 1) {
    return fail_with(context,
                     {"status takes one mountpoint", "without any, 'overpass status' lists all"},
                     kUsage);
  }
  if (parsed.has("--trace")) return trace(context, parsed);
  return show(context, parsed.operands.front(), as_json);
}

}  // namespace overpass::cli
