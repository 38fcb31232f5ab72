// SPDX-License-Identifier: MIT
//
// `overpass rules`: which rules decide about a path, of a mounted union or of options that are
// tried. Of a mount the rules are asked from its daemon, since their files may have changed.

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/mount_call.h"
#include "cli/mounted.h"
#include "cli/named_mount.h"
#include "cli/read_rules.h"
#include "cli/status_report.h"
#include "config/mount_options.h"
#include "config/option_reader.h"
#include "rules/compile.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using command_line::Value;
using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  ///< Of the JSON document; raised when a key changes.

constexpr command_line::Flag kFlags[] = {
    {"--options", 'o', "OPTS", "rules to try; PATH begins at the union's root then",
     Value::MountOptions},
    {"--json", '\0', "", "write one JSON document"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass rules merged/src/.env", "The rules of the mount at ./merged about that name."},
    {"overpass rules -o rules=@secrets home/me/.ssh/", "What the set @secrets says of it."},
    {"overpass rules -o rules=my.rules", "Checks a file and shows its rules in their order."},
};

/// A path to be judged.
struct Asked {
  std::string shown;     ///< As it was given.
  std::string in_union;  ///< From the union's root, without a slash at its beginning.
  bool may_be_directory = false;
  bool may_be_file = false;
};

/// Whether the path names a directory, as far as it tells: it need not exist, and what is hidden
/// cannot be looked at.
Asked asked_of(const std::string& given, std::string in_union, const struct stat* found) {
  const bool is_directory = found != nullptr && S_ISDIR(found->st_mode);
  const bool is_unknown = found == nullptr && !given.ends_with('/');
  return {given, std::move(in_union), is_directory || found == nullptr,
          !is_directory && (found != nullptr || is_unknown)};
}

Json describe(const rules::Reason& reason) {
  return {{"action", rules::name_of(reason.action)},
          {"applies", reason.applies},
          {"rule", reason.rule->text},
          {"where", reason.rule->where},
          {"matches", "/" + std::string(reason.path.substr(std::min(
                                reason.path.find_first_not_of('/'), reason.path.size())))}};
}

/// What decides about a path. If it is not known to be a directory or a file, what is true of one
/// only says so.
Json judge(const rules::Table& table, const Asked& asked) {
  Json reasons = Json::array();
  const auto as_directory = rules::explain(table, asked.in_union, true);
  const auto as_file = rules::explain(table, asked.in_union, false);
  const auto is_in = [](const std::vector<rules::Reason>& all, const rules::Reason& one) {
    return std::ranges::any_of(all, [&](const rules::Reason& other) {
      return other.rule == one.rule && other.path == one.path;
    });
  };
  const auto add = [&](const std::vector<rules::Reason>& all,
                       const std::vector<rules::Reason>* other, const char* only) {
    for (const rules::Reason& reason : all) {
      Json described = describe(reason);
      if (other != nullptr && !is_in(*other, reason)) described["only"] = only;
      if (std::ranges::find(reasons, described) == reasons.end()) reasons.push_back(described);
    }
  };
  const bool is_unknown = asked.may_be_directory && asked.may_be_file;
  if (asked.may_be_directory) add(as_directory, is_unknown ? &as_file : nullptr, "directory");
  if (asked.may_be_file) add(as_file, is_unknown ? &as_directory : nullptr, "file");
  return {{"path", asked.shown}, {"reasons", std::move(reasons)}};
}

void print(std::ostream& out, const Json& judged) {
  const std::string path = judged["path"].get<std::string>();
  if (judged["reasons"].empty()) out << path << ": no rule\n";
  for (const Json& reason : judged["reasons"]) {
    const auto text = [&](const char* key) { return reason[key].get<std::string>(); };
    out << path << ": " << (reason["applies"].get<bool>() ? "" : "not ") << text("action");
    if (reason.contains("only")) out << " if it is a " << text("only");
    out << ": the rule " << in_quotes(text("rule"));
    if (!text("where").empty()) out << " of " << text("where");
    out << " matches " << in_quotes(text("matches")) << "\n";
  }
}

void print_rules(std::ostream& out, const rules::Table& table) {
  for (const rules::Rule& rule : table.rules()) {
    out << rule.text << (rule.where.empty() ? "" : "  # " + rule.where) << "\n";
  }
}

void answer(Context& context, Json judged, bool as_json) {
  if (!as_json) {
    for (const Json& one : judged) print(context.out, one);
    return;
  }
  const Json document = {{"format", kFormat}, {"paths", std::move(judged)}};
  context.out << document.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

/// The rules of -o.
Expected<rules::Table> given_rules(const ParsedArguments& parsed) {
  config::OptionReader reader;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name != "--options") continue;
    if (auto ok = config::read_mount_options(reader, flag.value); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (auto ok = resolve_paths(reader.options()); !ok) return std::unexpected(ok.error());
  return read_rules(reader.options());
}

/// The rules that the daemon of a mount has.
Expected<rules::Table> mounted_rules(const std::string& mountpoint) {
  const auto status = read_status(mountpoint);
  if (!status) return std::unexpected(status.error());
  const Json json = Json::parse(*status, nullptr, false);
  const auto found = json.is_object() ? json.find("rule_texts") : json.end();
  if (!json.is_object() || found == json.end() || !found->is_array()) {
    return problem("the daemon of " + in_quotes(mountpoint) + " does not tell its rules",
                   "ask as root or as the user who mounted it; where they are too long to be told, "
                   "give them with -o");
  }
  std::vector<rules::RuleText> texts;
  for (const Json& rule : *found) {
    if (rule.is_object()) texts.push_back({rule.value("rule", ""), rule.value("where", "")});
  }
  return rules::compile(texts);
}

/// A path of the caller, and the union that it is in.
struct Located {
  std::string mountpoint;
  Asked asked;
};

/// The path without symbolic links in what leads to it. Its last names may be absent or hidden.
fs::path real_path(const fs::path& path, std::error_code& error) {
  fs::path place = path;
  struct stat found = {};
  while (place.has_relative_path() && ::lstat(place.c_str(), &found) < 0) {
    place = place.parent_path();
  }
  const fs::path parent = fs::canonical(place.parent_path(), error);
  return (parent / place.filename() / path.lexically_relative(place)).lexically_normal();
}

Expected<Located> locate(const std::string& given, std::string_view mountinfo) {
  std::error_code error;
  fs::path path = fs::absolute(given, error).lexically_normal();
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  std::string real = error ? "" : real_path(path, error).string();
  if (error) return problem(in_quotes(given) + ": " + error.message());
  if (real.size() > 1 && real.ends_with('/')) real.pop_back();
  struct stat found = {};
  const bool is_there = ::lstat(path.c_str(), &found) == 0;
  for (fs::path at = real;; at = at.parent_path()) {
    const auto type = find_mount_type(mountinfo, at.string());
    if (type == kMountType) {
      std::string rest = real.substr(std::min(at.string().size(), real.size()));
      rest.erase(0, std::min(rest.find_first_not_of('/'), rest.size()));
      return Located{at, asked_of(given, std::move(rest), is_there ? &found : nullptr)};
    }
    if (type || !at.has_relative_path()) break;
  }
  return problem(in_quotes(given) + " is in no union of overpass",
                 "'overpass list' shows where they are; -o gives rules to try");
}

int ask_mounts(Context& context, const ParsedArguments& parsed) {
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) {
    return fail_with(context, {"/proc/self/mountinfo cannot be read", "mount /proc"});
  }
  Json judged = Json::array();
  for (const std::string& given : parsed.operands) {
    const auto located = locate(given, *mountinfo);
    if (!located) return fail_with(context, located.error());
    const auto table = mounted_rules(located->mountpoint);
    if (!table) return fail_with(context, table.error());
    judged.push_back(judge(*table, located->asked));
  }
  answer(context, std::move(judged), parsed.has("--json"));
  return kSuccess;
}

}  // namespace

constexpr command_line::Command kRulesCommand = {
    .name = "rules",
    .synopsis =
        "overpass rules [--json] PATH...\n"
        "overpass rules [--json] -o rule=...,rules=... [PATH...]",
    .summary = "show which rules hide, protect or deny a path, and why",
    .description =
        "A PATH that does not exist is judged as a directory if it ends in '/', "
        "else as either.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::File,
    .help_call = "overpass help rules",
};

int run_rules(Context& context, const ParsedArguments& parsed) {
  if (!parsed.has("--options")) {
    if (!parsed.operands.empty()) return ask_mounts(context, parsed);
    return fail_with(context, {"rules needs a path", "overpass rules PATH"}, kUsage);
  }
  const auto table = given_rules(parsed);
  if (!table) return fail_with(context, table.error(), kUsage);
  Json judged = Json::array();
  for (const std::string& given : parsed.operands) {
    std::string path = fs::path("/" + given).lexically_normal();
    path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
    judged.push_back(judge(*table, asked_of(given, std::move(path), nullptr)));
  }
  if (!judged.empty() || parsed.has("--json")) {
    answer(context, std::move(judged), parsed.has("--json"));
    return kSuccess;
  }
  print_rules(context.out, *table);
  return kSuccess;
}

}  // namespace overpass::cli
