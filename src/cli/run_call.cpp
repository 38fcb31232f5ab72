// SPDX-License-Identifier: MIT

#include "cli/run_call.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/nearest.h"
#include "rules/compile.h"
#include "sandbox/store.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

/// In gitignore's syntax: what a program that works on the project is not to see.
constexpr char kIgnoreFile[] = ".overpassignore";

std::unexpected<Problem> no_name(const std::string& word) {
  return problem("no sandbox can be called " + in_quotes(word),
                 "a NAME has letters, digits, '.', '_' and '-'; to run a program so called: "
                 "overpass run -- " +
                     word);
}

/// A flag's path: absolute, without links; it is there.
Expected<std::string> path_of(const command_line::GivenFlag& flag) {
  std::error_code error;
  const fs::path real = fs::canonical(flag.value, error);
  if (!error) return real.string();
  return problem(std::string(flag.name) + " " + in_quotes(flag.value) + ": " + error.message(),
                 "name something that exists");
}

/// What is hidden need not be there yet; what is above it must.
Expected<std::string> path_to_be(const command_line::GivenFlag& flag) {
  std::error_code error;
  fs::path path = fs::absolute(flag.value, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const fs::path parent = fs::weakly_canonical(path.parent_path(), error);
  if (!error && path != "/") return (parent / path.filename()).string();
  return problem(std::string(flag.name) + " " + in_quotes(flag.value) + " is no usable path",
                 "name a path below /");
}

Expected<void> take_path(const command_line::GivenFlag& flag, RunCall& call) {
  const bool is_hiding = flag.name == "--hide";
  auto path = is_hiding ? path_to_be(flag) : path_of(flag);
  if (!path) return std::unexpected(path.error());
  if (flag.name == "--rw" && !fs::is_directory(*path)) {
    return problem("--rw " + in_quotes(flag.value) + " is no directory", "name its directory");
  }
  if (flag.name == "--rw" && *path == "/") {
    return problem("--rw / would leave no sandbox", "run the command without overpass");
  }
  if (flag.name == "--socket" && !fs::is_socket(*path)) {
    return problem("--socket " + in_quotes(flag.value) + " is no socket",
                   "name the socket itself, which its server has made");
  }
  auto& paths = is_hiding                 ? call.scope.hidden
                : flag.name == "--ro"     ? call.scope.read_only
                : flag.name == "--socket" ? call.scope.sockets
                                          : call.scope.through;
  paths.push_back(std::move(*path));
  return {};
}

/// The patterns of the file that a project has for this, if there is one.
Expected<void> read_ignore_file(RunCall& call) {
  const std::string path = call.scope.only + "/" + kIgnoreFile;
  const auto text = sys::read_file(path);
  if (text.failed_with(ENOENT)) return {};
  if (!text) {
    return problem(in_quotes(path) + " cannot be read: " + std::strerror(to_int(text.error())),
                   "correct its permissions, or remove it");
  }
  std::vector<rules::RuleText> texts;
  for (const rules::RuleText& line : rules::lines_of(*text, path)) {
    call.scope.ignored.push_back(line.text);
    texts.push_back({"hide " + line.text, line.where});
  }
  if (auto compiled = rules::compile(texts); !compiled) return std::unexpected(compiled.error());
  return {};
}

Expected<void> take_here(RunCall& call) {
  std::error_code error;
  call.scope.only = fs::current_path(error).string();
  if (error) return problem("the current directory is gone", "go to the project's directory");
  if (call.scope.only == "/") {
    return problem("--here in / is the same as without it", "leave --here out");
  }
  call.scope.in_memory.emplace_back("/tmp");
  return read_ignore_file(call);
}

Expected<void> take_flag(const command_line::GivenFlag& flag, RunCall& call) {
  if (flag.name == "--here") {
    return take_here(call);
  } else if (flag.name == "--log") {
    auto path = path_to_be(flag);
    if (!path) return std::unexpected(path.error());
    call.scope.log = std::move(*path);
  } else if (flag.name == "--rule") {
    call.scope.rules.push_back(flag.value);
  } else if (flag.name == "--tmp") {
    if (flag.value != "private" && flag.value != "shared") {
      return problem("--tmp takes no " + in_quotes(flag.value), "say private or shared");
    }
    std::erase(call.scope.in_memory, "/tmp");
    if (flag.value == "private") call.scope.in_memory.emplace_back("/tmp");
  } else if (flag.name == "--root") {
    call.is_root = true;
  } else if (flag.name == "--no-net") {
    call.has_network = false;
  } else if (flag.name == "--keep-bases") {
    call.keeps_bases = true;
  } else if (flag.name == "--keep") {
    call.is_kept = true;
  } else if (flag.name == "--discard") {
    call.is_discarded = true;
  } else {
    return take_path(flag, call);
  }
  return {};
}

Expected<void> check(const RunCall& call) {
  if (call.is_kept && call.is_discarded) {
    return problem("--keep and --discard exclude each other", "leave one of them out");
  }
  for (const std::string& through : call.scope.through) {
    for (const std::string& hidden : call.scope.hidden) {
      if (!sandbox::is_at_or_below(hidden, through)) continue;
      return problem(in_quotes(hidden) + " cannot be hidden in " + in_quotes(through) +
                         ", which is the outside's (--rw)",
                     "leave one of them out");
    }
  }
  std::vector<rules::RuleText> texts;
  for (const std::string& rule : call.scope.rules) texts.push_back({rule, "--rule"});
  if (auto compiled = rules::compile(texts); !compiled) return std::unexpected(compiled.error());
  return {};
}

/// Whether the first of `words`, before which no "--" stands, is a NAME.
bool begins_with_name(const Arguments& words, const RunNames& names) {
  const std::string& first = words[0];
  if (first.find('/') != std::string::npos) return false;
  const std::string next = words.size() > 1 ? words[1] : "--";
  if (words.size() > 1 && next == "--") return true;
  return names.is_sandbox(first) || (!names.is_program(first) && next.starts_with('-'));
}

/// The operands and flags of a call, which are cut where the first operand is.
Expected<ParsedArguments> divide(const ParsedArguments& parsed, const RunNames& names,
                                 RunCall& call) {
  if (parsed.operands.empty() || parsed.is_separated || !begins_with_name(parsed.operands, names)) {
    call.command = parsed.operands;
    return parsed;
  }
  call.name = parsed.operands[0];
  if (!sandbox::is_sandbox_name(call.name)) return no_name(call.name);
  auto rest =
      command_line::parse({parsed.operands.begin() + 1, parsed.operands.end()}, kRunCommand);
  if (!rest) return rest;
  call.command = rest->operands;
  rest->flags.insert(rest->flags.begin(), parsed.flags.begin(), parsed.flags.end());
  return rest;
}

}  // namespace

bool RunCall::has_settings() const {
  return !scope.only.empty() || !scope.through.empty() || !scope.in_memory.empty() ||
         !scope.log.empty() || !scope.sockets.empty() || !scope.read_only.empty() ||
         !scope.hidden.empty() || !scope.rules.empty() || is_root || !has_network || keeps_bases;
}

bool is_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::string file = std::string(sys::cut_word(rest, ':')) + "/" + name;
    std::error_code error;
    if (fs::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0) return true;
  }
  return false;
}

Expected<RunCall> read_run_call(const ParsedArguments& parsed, const RunNames& names) {
  RunCall call;
  const auto divided = divide(parsed, names, call);
  if (!divided) return std::unexpected(divided.error());
  for (const command_line::GivenFlag& flag : divided->flags) {
    if (auto taken = take_flag(flag, call); !taken) return std::unexpected(taken.error());
  }
  if (auto checked = check(call); !checked) return std::unexpected(checked.error());
  return call;
}

}  // namespace overpass::cli
