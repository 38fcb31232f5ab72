// SPDX-License-Identifier: MIT
//
// `overpass completion SHELL`, and the candidates that its scripts ask for: mounts of
// overpass.toml, mountpoints, mount options.

#include "command_line/completion.h"

#include <algorithm>
#include <ranges>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/mounted.h"
#include "cli/named_mount.h"
#include "config/option_table.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

using command_line::Completion;
using command_line::Value;

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"eval \"$(overpass completion bash)\"",
     "In ~/.bashrc. For zsh the word is zsh, after compinit."},
    {"overpass completion fish >~/.config/fish/completions/overpass.fish", "Once."},
};

bool takes_directory(const config::OptionEntry& entry) {
  using config::Kind;
  return entry.kind == Kind::Path || entry.kind == Kind::Layer || entry.kind == Kind::DataLayer ||
         entry.kind == Kind::Layers;
}

/// The value of a mount option; `begin` is where it begins in `typed`.
Completion complete_option_value(const config::OptionEntry& entry, std::string_view typed,
                                 size_t begin) {
  Completion completion;
  if (takes_directory(entry)) {
    const size_t colon = entry.kind == config::Kind::Layers ? typed.rfind(':') : typed.npos;
    completion.paths = Value::Directory;
    completion.path_begin = colon == typed.npos ? begin : std::max(begin, colon + 1);
    return completion;
  }
  if (!entry.argument.contains('|')) return completion;
  const std::string before(typed.substr(0, begin));
  for (const auto part : std::views::split(entry.argument, '|')) {
    completion.offer(typed, before + std::string(std::string_view(part)));
  }
  return completion;
}

/// The last of several options between commas.
Completion complete_mount_options(std::string_view typed) {
  const size_t comma = typed.rfind(',');
  const size_t begin = comma == typed.npos ? 0 : comma + 1;
  const size_t equals = typed.find('=', begin);
  if (equals != typed.npos) {
    const auto found = config::find_option(typed.substr(begin, equals - begin));
    if (found.entry == nullptr) return {};
    return complete_option_value(*found.entry, typed, equals + 1);
  }
  Completion completion;
  const std::string before(typed.substr(0, begin));
  for (const config::OptionEntry& entry : config::option_table()) {
    if (entry.name.empty()) continue;
    const bool has_value = entry.kind != config::Kind::Flag || !entry.argument.empty();
    completion.offer(typed, before + std::string(entry.name) + (has_value ? "=" : ""), entry.help);
    if (!entry.negation.empty()) completion.offer(typed, before + std::string(entry.negation));
  }
  return completion;
}

Completion complete_mount(const Context& context, std::string_view typed) {
  Completion completion;
  completion.paths = Value::Directory;
  for (const std::string& name : known_mount_names(context)) {
    completion.offer(typed, name, "mount of overpass.toml");
  }
  return completion;
}

Completion complete_mounted(const Context& context, std::string_view typed) {
  Completion completion = complete_mount(context, typed);
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) return completion;
  for (const std::string& mountpoint : find_unions(*mountinfo)) {
    completion.offer(typed, mountpoint, "mounted");
  }
  return completion;
}

Completion complete_command(const Context& context, std::string_view typed) {
  Completion completion;
  for (const Command& command : context.commands) {
    completion.offer(typed, std::string(command.table->name), command.table->summary);
  }
  return completion;
}

Completion values_of(const Context& context, Value value, std::string_view typed) {
  switch (value) {
    case Value::MountOptions:
      return complete_mount_options(typed);
    case Value::Mount:
      return complete_mount(context, typed);
    case Value::Mounted:
      return complete_mounted(context, typed);
    case Value::Command:
      return complete_command(context, typed);
    case Value::Shell: {
      Completion completion;
      for (const auto shell : command_line::completed_shells()) {
        completion.offer(typed, std::string(shell));
      }
      return completion;
    }
    default:
      return {};
  }
}

}  // namespace

constexpr command_line::Command kCompletionCommand = {
    .name = "completion",
    .synopsis = "overpass completion bash|zsh|fish",
    .summary = "print the script by which a shell completes command lines",
    .description = "",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Shell,
    .help_call = "overpass help completion",
};

int run_completion(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(context, {"completion needs a shell", "overpass completion bash|zsh|fish"},
                     kUsage);
  }
  const auto script = command_line::completion_script(parsed.operands.front());
  if (!script) {
    return fail_with(context,
                     {"there is no completion for " + in_quotes(parsed.operands.front()),
                      suggest(parsed.operands.front(), command_line::completed_shells(),
                              "there is one for bash, zsh and fish")},
                     kUsage);
  }
  context.out << *script;
  return kSuccess;
}

int run_complete(Context& context, const Arguments& words) {
  std::vector<const command_line::Command*> tables;
  for (const Command& command : context.commands) tables.push_back(command.table);
  const command_line::Program program = {tables, &kMountCommand};
  context.out << command_line::text_of(command_line::complete(
      program, words,
      [&](Value value, std::string_view typed) { return values_of(context, value, typed); }));
  return kSuccess;
}

}  // namespace overpass::cli
