// SPDX-License-Identifier: MIT
//
// `overpass diff`: finds the union, reads the list of its changes, filters and prints it.

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "base/nearest.h"
#include "changes/list.h"
#include "cli/commands.h"
#include "cli/diff_patch.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/interruption.h"
#include "sys/credentials.h"
#include "sys/program.h"

namespace overpass::cli {

namespace {

using command_line::Value;

constexpr command_line::Flag kDiffFlags[] = {
    {"--renames", 'M', "", "files deleted and added with the same content are renamed ones"},
    {"--exclude", '\0', "GLOB", "leave out what matches; may be repeated"},
    {"--since", '\0', "LABEL", "of a sandbox: only what came after this snapshot"},
    {"--relative", '\0', "", "of a sandbox: only what is below this directory, by paths from here"},
    {"--exit-code", '\0', "", "exit with 1 if there are changes"},
    command_line::kHelpFlag,
};

constexpr command_line::Flag kOutputFlags[] = {
    {"--patch", 'u', "", "a patch in git's format, which 'git apply' takes"},
    {"--stat", '\0', "", "sizes, and a line with the counts"},
    {"--name-only", '\0', "", "paths only"},
    {"--null", 'z', "", "end each path with a NUL, and escape none"},
    {"--json", '\0', "", "write one JSON document"},
    {"--color", '\0', "WHEN", "auto, always or never"},
    {"--no-pager", '\0', "", "write to a terminal without $PAGER"},
};

constexpr command_line::FlagGroup kGroups[] = {
    {"Layers", kLookingFlags}, {"Changes", kDiffFlags}, {"Output", kOutputFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass diff merged", "What was changed in the union at ./merged."},
    {"overpass diff sandbox src '*.h' --exclude '*.o'", "Only below src, and all headers."},
    {"overpass diff --lower /usr --upper upper", "The same of layers that are not mounted."},
};

std::string last_value(const ParsedArguments& parsed, std::string_view name) {
  std::string value;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name == name) value = flag.value;
  }
  return value;
}

Expected<DiffStyle> style_of(const Context& context, const ParsedArguments& parsed) {
  const std::string when = last_value(parsed, "--color");
  if (!when.empty() && when != "auto" && when != "always" && when != "never") {
    return problem("--color takes no " + in_quotes(when), "say auto, always or never");
  }
  const char* term = std::getenv("TERM");
  const bool is_terminal =
      writes_to_terminal(context) && term != nullptr && std::strcmp(term, "dumb") != 0;
  return DiffStyle{.name_only = parsed.has("--name-only"),
                   .nul = parsed.has("--null"),
                   .colour = when == "always" || (when != "never" && is_terminal)};
}

/// Without slashes around.
std::string current_directory() {
  std::error_code error;
  const std::string path = std::filesystem::current_path(error).string();
  return path.substr(std::min(path.size(), size_t{1}));
}

Expected<void> print(std::ostream& out, const std::vector<ComparedUnion>& unions,
                     changes::List& list, const ParsedArguments& parsed, const DiffTarget& target,
                     DiffStyle style) {
  DiffFilter filter = {target.paths, {}};
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name == "--exclude") filter.excluded.push_back(flag.value);
  }
  Expected<void> printed;
  const std::string directory = parsed.has("--relative") ? current_directory() : "";
  if (parsed.has("--patch")) {
    // The copies that a patch is made of must not stay.
    note_interruption({SIGINT, SIGTERM, SIGHUP});
    printed = print_patch(out, unions, filter, directory, style);
  }
  std::erase_if(list.changes, [&](const changes::Change& change) { return !filter.shows(change); });
  make_relative(list, directory);
  if (parsed.has("--json")) {
    print_json(out, list, target);
  } else if (parsed.has("--stat")) {
    print_stat(out, list, style);
  } else if (!parsed.has("--patch")) {
    print_changes(out, list, style);
  }
  return printed;
}

/// Shows `text` as git does: by $PAGER, which ends by itself if all of it fits on the screen.
void show_by_pager(Context& context, const std::string& text) {
  const char* chosen = std::getenv("PAGER");
  const std::string pager = chosen != nullptr ? chosen : "less";
  // A pager that cannot be started prints nothing; the shell says so with 126 or 127.
  constexpr int kNotFound = 126;
  if (!text.empty() && !pager.empty() && pager != "cat") {
    const std::string call = "LESS=${LESS-FRX}; LV=${LV--c}; export LESS LV; " + pager;
    const auto ended = sys::run_reading(text, {"sh", "-c", call.c_str()});
    if (ended && !(WIFEXITED(*ended) && WEXITSTATUS(*ended) >= kNotFound)) return;
  }
  context.out << text;
}

int run_on(Context& context, const ParsedArguments& parsed, const DiffTarget& target,
           DiffStyle style) {
  if (parsed.has("--relative") && target.sandbox.empty()) {
    (void)fail_with(context, {"--relative is for sandboxes", "name paths of the union instead"});
    return kDiffUsage;
  }
  if (parsed.has("--since") && target.sandbox.empty()) {
    (void)fail_with(context, {"--since is for sandboxes", "a union has no snapshots"});
    return kDiffUsage;
  }
  sys::raise_descriptor_limit();
  const auto unions = compare(target, parsed.has("--renames"));
  if (!unions) {
    (void)fail_with(context, unions.error());
    return kDiffImpossible;
  }
  for (const sandbox::FileSystem& one : target.gone) {
    context.err << "overpass: changes of another file system than that at " << shown_path(one.at)
                << " are left out: directory " << one.directory << " of the sandbox\n";
  }
  changes::List list = merged(*unions);
  const bool is_paged = writes_to_terminal(context) && !parsed.has("--no-pager");
  std::ostringstream text;
  const auto printed = print(is_paged ? text : context.out, *unions, list, parsed, target, style);
  if (is_paged) show_by_pager(context, text.str());
  if (!printed) {
    (void)fail_with(context, printed.error());
    return kDiffImpossible;
  }
  for (const changes::Unread& unread : list.unread) {
    (void)fail_with(context, {shown_path("/" + unread.path) +
                                  " cannot be read: " + std::strerror(to_int(unread.error)),
                              "look as the user who mounts"});
  }
  if (!context.out.flush() || !list.unread.empty()) return kDiffImpossible;
  return parsed.has("--exit-code") && !list.changes.empty() ? kDiffChanges : kDiffDone;
}

}  // namespace

constexpr command_line::Command kDiffCommand = {
    .name = "diff",
    .synopsis =
        "overpass diff [OPTIONS] MOUNTPOINT|NAME|SANDBOX [PATH...]\n"
        "overpass diff [OPTIONS] -o OPTS [PATH...]",
    .summary = "show what the upper directory of a union changes",
    .description =
        "Each change is a line: D deleted, R renamed, A added, M modified, T another type. "
        "Only\nthe upper directory is walked. PATHs are from the union's root, and may be "
        "globs.\noverpass-diff(1) says what counts as a change.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Mounted,
    .help_call = "overpass help diff",
};

int run_diff(Context& context, const ParsedArguments& parsed) {
  const auto style = style_of(context, parsed);
  if (!style) return fail_with(context, style.error(), kUsage);
  const LayerNeeds needs = {.work = false,
                            .without = "without an upper directory there are no changes"};
  const auto target = find_diff_target(context, parsed, needs);
  if (!target) {
    (void)fail_with(context, target.error().problem);
    return target.error().is_usage ? kDiffUsage : kDiffImpossible;
  }
  return run_on(context, parsed, *target, *style);
}

}  // namespace overpass::cli
