// SPDX-License-Identifier: MIT
//
// `overpass fork`: new sandboxes that begin as another one is.

#include <vector>

#include "base/nearest.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/snapshot_watch.h"
#include "snapshots/history.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--count", 'n', "N", "make N sandboxes, NEW1 to NEWN"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass fork built try -n 3", "try1, try2 and try3 begin as built is."},
};

/// The names of those to make.
Expected<std::vector<std::string>> names_of(const ParsedArguments& parsed) {
  constexpr int kMost = 1000;
  const std::string& name = parsed.operands[1];
  std::vector<std::string> names = {name};
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name != "--count") continue;
    const auto count = number_of<int>(flag.value);
    if (!count || *count < 1 || *count > kMost) {
      return problem("--count takes no " + in_quotes(flag.value),
                     "give a number from 1 to " + std::to_string(kMost));
    }
    names.clear();
    for (int i = 1; i <= *count; ++i) names.push_back(name + std::to_string(i));
  }
  return names;
}

/// Nothing is made if one of the names is taken.
Expected<void> check_free(const std::string& store, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = sandbox::Sandbox::open(store, name);
    if (!found || !sandbox::has_record(*found)) continue;
    return problem("there is a sandbox " + in_quotes(name) + " already", "choose another name");
  }
  return {};
}

Expected<void> make_forks(Context& context, const std::string& source,
                          const std::vector<std::string>& names) {
  const std::string store = sandbox::store_path();
  auto held = hold_settled_running_or_not(source);
  if (!held) return std::unexpected(held.error());
  if (auto free = check_free(store, names); !free) return free;
  if (snapshots::has_unfrozen_changes(*held)) {
    const auto made = make_snapshot(context, *held, "");
    if (!made) return std::unexpected(made.error());
  }
  for (const std::string& name : names) {
    if (auto forked = snapshots::fork(*held, name); !forked) return forked;
    context.out << name << "\n";
  }
  return {};
}

}  // namespace

constexpr command_line::Command kForkCommand = {
    .name = "fork",
    .synopsis = "overpass fork [--count N] NAME NEW",
    .summary = "make sandboxes that begin as another one is",
    .description =
        "A snapshot of NAME is made if it has changes that are in none. NEW shares them; nothing\n"
        "is copied. The names of the new sandboxes are printed.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help fork",
};

int run_fork(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 2) {
    return fail_with(context,
                     {"fork needs the NAME of a sandbox, and that of a NEW one",
                      "'overpass list' shows all sandboxes"},
                     kUsage);
  }
  const auto names = names_of(parsed);
  if (!names) return fail_with(context, names.error(), kUsage);
  if (auto made = make_forks(context, parsed.operands.front(), *names); !made) {
    return fail_with(context, made.error());
  }
  return kSuccess;
}

}  // namespace overpass::cli
