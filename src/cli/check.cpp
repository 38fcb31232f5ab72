// SPDX-License-Identifier: MIT
//
// Reads the call as `overpass mount` does, runs the check, and writes its report while it runs.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "check/check.h"
#include "cli/check_report.h"
#include "cli/commands.h"
#include "cli/diff_target.h"
#include "cli/interruption.h"
#include "cli/layer_call.h"
#include "cli/mount_call.h"
#include "cli/mounted.h"
#include "cli/named_mount.h"
#include "snapshots/held_sandbox.h"
#include "sys/credentials.h"

namespace overpass::cli {

namespace {

using command_line::Value;

constexpr command_line::Flag kLayerFlags[] = {
    {"--lower", '\0', "DIR", "a lower directory, topmost first; may be repeated", Value::Directory},
    {"--data", '\0', "DIR", "a data-only layer below all lowers; may be repeated",
     Value::Directory},
    {"--upper", '\0', "DIR", "the upper directory, which is checked", Value::Directory},
    {"--work", '\0', "DIR", "its workdir, which is checked too", Value::Directory},
    {"--options", 'o', "OPTS", "the options of the mount; those not about layers are passed over",
     Value::MountOptions},
};

constexpr command_line::Flag kCheckFlags[] = {
    {"--repair", '\0', "", "remove and correct what is certainly of no use"},
    {"--json", '\0', "", "write one JSON document"},
    {"--verbose", 'v', "", "show notes, too: what is worth knowing and not wrong"},
    command_line::kHelpFlag,
};

constexpr command_line::FlagGroup kGroups[] = {{"Layers", kLayerFlags}, {"Check", kCheckFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass check --lower /usr --upper upper --work work",
     "Says what is wrong in ./upper, and changes nothing."},
    {"overpass check try1", "The same for all uppers of the sandbox try1."},
    {"overpass check --repair sandbox", "Repairs the upper of [mount.sandbox] in overpass.toml."},
};

/// A line on a terminal that is written over by the next one.
class Progress {
 public:
  explicit Progress(std::ostream& err)
      : err_(err), is_shown_(&err == &std::cerr && ::isatty(STDERR_FILENO) == 1) {}

  void show(uint64_t names) {
    if (!is_shown_ || names < next_) return;
    next_ = names + kStep;
    err_ << "\r" << names << " names" << std::flush;
    is_dirty_ = true;
  }

  /// Takes the line away, before something else is written.
  void clear() {
    if (is_dirty_) err_ << "\r\033[K" << std::flush;
    is_dirty_ = false;
  }

 private:
  static constexpr uint64_t kStep = 1024;

  std::ostream& err_;
  const bool is_shown_;
  bool is_dirty_ = false;
  uint64_t next_ = kStep;
};

/// The call has operands, and no lower directories: none of them may be a NAME.
std::unexpected<Refusal> no_name(const Context& context, const ParsedArguments& parsed,
                                 const Problem& otherwise) {
  const auto mounted = parsed.operands.empty() ? std::unexpected(Problem{})
                                               : find_mount(context, parsed.operands.front());
  if (!mounted) return wrong_call(otherwise);
  return not_possible({in_quotes(*mounted) + " is mounted",
                       "unmount it, and name the layers: --lower, --upper, --work, or a NAME"});
}

/// The layers that the call is about.
std::expected<layer::LayerPaths, Refusal> paths_of_call(const Context& context,
                                                        const ParsedArguments& parsed) {
  const auto name = find_mount_name(parsed);
  if (!name) return no_name(context, parsed, name.error());
  if (!*name && !parsed.operands.empty()) {
    return wrong_call({"check takes no mountpoint: " + in_quotes(parsed.operands.front()),
                       "unmount it, and give its options alone"});
  }
  if (parsed.operands.size() > 1) {
    return wrong_call(
        {"too many arguments: " + in_quotes(parsed.operands[1]), "check takes one NAME"});
  }
  std::optional<NamedMount> named;
  if (*name) {
    auto loaded = load_named_mount(context, **name);
    if (!loaded) return not_possible(loaded.error());
    named = std::move(*loaded);
  }
  const LayerNeeds needs = {.without = "without an upper directory there is nothing to check"};
  return layers_of_call(parsed, named, name->value_or(""), needs);
}

int run_on(Context& context, const layer::LayerPaths& paths, const ParsedArguments& parsed) {
  const bool may_repair = parsed.has("--repair");
  CheckReport report(context.out, paths,
                     {.json = parsed.has("--json"),
                      .notes = parsed.has("--verbose"),
                      .summary = writes_to_terminal(context)});
  Progress progress(context.err);
  const check::Listener listener = {
      [&](const check::Finding& finding) {
        progress.clear();
        report.add(finding);
      },
      [&](uint64_t names) { progress.show(names); },
      is_interrupted,
  };
  sys::raise_descriptor_limit();
  note_interruption({SIGINT, SIGTERM});
  const auto summary = check::check(paths, may_repair, listener);
  progress.clear();
  if (!summary) {
    (void)fail_with(context, summary.error());
    return kCheckImpossible;
  }
  report.finish(*summary, may_repair);
  if (!summary->is_complete) {
    (void)fail_with(context, {"the check was interrupted", "run it again for the rest"});
    return kCheckImpossible;
  }
  return summary->faults() == 0 ? kCheckClean : kCheckFaults;
}

/// Whether the call names a sandbox, and no lower directories.
bool names_sandbox(const Context& context, const ParsedArguments& parsed) {
  const auto name = find_mount_name(parsed);
  return name && *name && find_named_sandbox(context, **name).has_value();
}

/// The uppers of a sandbox, one after the other. Of the exit statuses the highest.
int check_unions(Context& context, const DiffTarget& target, const ParsedArguments& parsed) {
  int code = kCheckClean;
  const bool as_json = parsed.has("--json");
  const char* separator = "[";
  for (const PlacedUnion& one : target.unions) {
    if (!one.layers.upper) continue;  // All that it had is frozen.
    if (as_json) context.out << std::exchange(separator, ",");
    layer::LayerPaths layers = one.layers;
    layers.format.index = true;
    code = std::max(code, run_on(context, layers, parsed));
    if (is_interrupted()) break;
  }
  if (as_json) context.out << (*separator == '[' ? "[]\n" : "]\n");
  return code;
}

int check_sandbox(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() > 1) {
    (void)fail_with(
        context, {"too many arguments: " + in_quotes(parsed.operands[1]), "check takes one NAME"});
    return kCheckUsage;
  }
  const auto held = snapshots::hold(sandbox::store_path(), parsed.operands.front());
  if (!held) {
    (void)fail_with(context, held.error());
    return kCheckImpossible;
  }
  const DiffTarget target = target_of(held->sandbox, held->record);
  const int code = check_unions(context, target, parsed);
  for (const sandbox::FileSystem& gone : target.gone) {
    (void)fail_with(context, {"what was mounted at " + in_quotes(gone.at) +
                                  " is not there: its changes are not checked",
                              "mount it"});
  }
  return target.gone.empty() ? code : kCheckImpossible;
}

}  // namespace

constexpr command_line::Command kCheckCommand = {
    .name = "check",
    .synopsis = "overpass check [--repair] [OPTIONS] [NAME]",
    .summary = "verify an upper directory that is not mounted, with its workdir",
    .description =
        "A NAME is a mount of overpass.toml, or a sandbox that does not run, of which all\n"
        "uppers are checked. The exit status is 0 when nothing is wrong, 1 when something is, 2 "
        "for a wrong "
        "call, 3\nwhen the check was not possible. overpass-check(1) explains each "
        "finding.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Mount,
    .help_call = "overpass help check",
};

int run_check(Context& context, const ParsedArguments& parsed) {
  if (names_sandbox(context, parsed)) {
    const int code = check_sandbox(context, parsed);
    return context.out.flush() ? code : kCheckImpossible;
  }
  const auto paths = paths_of_call(context, parsed);
  if (!paths) {
    (void)fail_with(context, paths.error().problem);
    return paths.error().is_usage ? kCheckUsage : kCheckImpossible;
  }
  const int code = run_on(context, *paths, parsed);
  // Half a report must not look like a whole one.
  return context.out.flush() ? code : kCheckImpossible;
}

}  // namespace overpass::cli
