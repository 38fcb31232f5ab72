// SPDX-License-Identifier: MIT
//
// Finds the mounts, asks them, and prints the answers as they are or made readable.

#include <chrono>
#include <csignal>

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/mounted.h"
#include "cli/status_report.h"
#include "cli/status_summary.h"
#include "cli/status_trace.h"
#include "sys/children.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--json", '\0', "", "print the JSON text itself; of all mounts a list"},
    {"--watch", 'w', "", "show it anew each second, until interrupted"},
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

/// On a terminal each status takes the place of the one before.
int show_again_and_again(Context& context, const std::string& mountpoint) {
  using Clock = std::chrono::steady_clock;
  constexpr unsigned kEveryMs = 1000;
  const bool is_terminal = writes_to_terminal(context);
  note_interruption({SIGINT, SIGTERM, SIGHUP});
  std::string before;
  Clock::time_point then;
  while (!is_interrupted()) {
    const auto status = read_status(mountpoint);
    const auto now = Clock::now();
    if (!status) {
      // It has gone meanwhile, which is an end like another.
      return before.empty() ? fail_with(context, status.error()) : kSuccess;
    }
    const auto summary =
        before.empty() ? summarize_status(*status) : summarize_status(*status, before, now - then);
    if (!summary) return fail_with(context, summary.error());
    context.out << (is_terminal      ? "\033[H\033[2J"
                    : before.empty() ? ""
                                     : "\n")
                << *summary << std::flush;
    if (!context.out) return kFailure;
    before = *status;
    then = now;
    sys::pause_for(kEveryMs);
  }
  return kSuccess;
}

/// --watch or --trace.
int follow(Context& context, const ParsedArguments& parsed) {
  const bool traces = parsed.has("--trace");
  if (parsed.operands.empty() || parsed.has("--json") || (traces && parsed.has("--watch"))) {
    return fail_with(
        context,
        {std::string(traces ? "--trace" : "--watch") + " takes one mountpoint, and no other option",
         "'overpass status' lists the mounts"},
        kUsage);
  }
  const auto mountpoint = find_mount(context, parsed.operands.front());
  if (!mountpoint) return fail_with(context, mountpoint.error());
  if (!traces) return show_again_and_again(context, *mountpoint);
  const auto traced = trace_requests(context, *mountpoint);
  return traced ? kSuccess : fail_with(context, traced.error());
}

}  // namespace

constexpr command_line::Command kStatusCommand = {
    .name = "status",
    .synopsis = "overpass status [--json|--watch|--trace] [MOUNTPOINT|NAME]",
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
  const bool follows = parsed.has("--trace") || parsed.has("--watch");
  if (parsed.operands.empty() && !follows) return list_all(context, as_json);
  if (parsed.operands.size() > 1) {
    return fail_with(context,
                     {"status takes one mountpoint", "without any, 'overpass status' lists all"},
                     kUsage);
  }
  if (follows) return follow(context, parsed);
  return show(context, parsed.operands.front(), as_json);
}

}  // namespace overpass::cli
