// SPDX-License-Identifier: MIT
//
// `overpass list`: what is mounted, as a table for people and as one JSON document for programs.
// Nothing costly is done: of a large upper neither names nor bytes are counted.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/nearest.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/layer_usage.h"
#include "cli/mounted.h"
#include "cli/named_mount.h"
#include "cli/status_report.h"
#include "sandbox/record.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  ///< Of the JSON document; raised when a key changes.

constexpr command_line::Flag kFlags[] = {
    {"--json", '\0', "", "write one JSON document"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass list", "A table of all mounts."},
    {"overpass list --json | jq -r '.mounts[].mountpoint'", "All mountpoints."},
};

/// How long a process has been running; nothing if /proc does not tell.
std::optional<int64_t> age_of(pid_t pid) {
  const auto text = sys::read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text || text->rfind(')') == std::string::npos) return {};
  // The 22nd word is the start in ticks since boot; the third follows the name.
  std::istringstream words(text->substr(text->rfind(')') + 1));
  std::string word;
  for (int number = 3; number <= 22; ++number) words >> word;
  const auto ticks = number_of<int64_t>(word);
  timespec now = {};
  if (!ticks || ::clock_gettime(CLOCK_BOOTTIME, &now) < 0) return {};
  return now.tv_sec - *ticks / ::sysconf(_SC_CLK_TCK);
}

/// The NAME in overpass.toml of what is mounted at `mountpoint`; empty if there is none. Of a
/// template the instance is told by where it is mounted.
std::string name_of(const Context& context, const std::string& mountpoint) {
  const auto is_here = [&](const std::string& name) {
    const auto named = find_named_mount(context, name);
    return named && *named && (*named)->options.mountpoint == mountpoint;
  };
  for (const std::string& name : known_mount_names(context)) {
    if (is_here(name)) return name;
    const std::string pattern = mountpoint_of_template(context, name);
    const size_t begin = pattern.find(kSampleInstance);
    if (begin == std::string::npos || begin >= mountpoint.size()) continue;
    const size_t after = begin + kSampleInstance.size();
    const std::string rest = pattern.substr(after, pattern.find('/', after) - after);
    std::string instance = mountpoint.substr(begin, mountpoint.find('/', begin) - begin);
    if (instance.size() > rest.size() && instance.ends_with(rest)) {
      instance.resize(instance.size() - rest.size());
    }
    if (is_here(name + instance)) return name + instance;
  }
  return "";
}

std::string upper_in(const Json& status) {
  const auto layers = status.find("layers");
  if (layers == status.end() || !layers->is_array()) return "";
  for (const Json& layer : *layers) {
    if (layer.is_object() && layer.value("role", "") == "upper") return layer.value("path", "");
  }
  return "";
}

Json describe(const Context& context, const std::string& mountpoint) {
  Json mount = {{"name", nullptr},    {"mountpoint", mountpoint}, {"state", "hidden"},
                {"pid", nullptr},     {"age_seconds", nullptr},   {"upper", nullptr},
                {"changes", nullptr}, {"size_bytes", nullptr}};
  if (const std::string name = name_of(context, mountpoint); !name.empty()) mount["name"] = name;
  if (is_dead(mountpoint)) mount["state"] = "dead";
  const auto text = read_status(mountpoint);
  if (!text) return mount;
  mount["state"] = "running";
  if (const auto pid = daemon_pid(*text)) {
    mount["pid"] = *pid;
    if (const auto age = age_of(*pid)) mount["age_seconds"] = *age;
  }
  const Json status = Json::parse(*text, nullptr, false);
  const std::string upper = status.is_object() ? upper_in(status) : "";
  if (upper.empty()) return mount;
  mount["upper"] = upper;
  if (const auto counted = layer_usage(upper)) {
    mount["changes"] = counted->names;
    mount["size_bytes"] = counted->bytes;
  }
  return mount;
}

/// Since the record was written first; nothing if it has no such time.
std::optional<int64_t> age_of(const sandbox::Record& record) {
  std::tm parts = {};
  if (::strptime(record.created.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) return {};
  return std::time(nullptr) - ::timegm(&parts);
}

Json describe(const sandbox::Sandbox& sandbox) {
  Json json = {{"name", sandbox.name()}, {"path", sandbox.path()}, {"state", "ended"},
               {"age_seconds", nullptr}, {"changes", nullptr},     {"size_bytes", nullptr}};
  if (sandbox.is_running()) json["state"] = "running";
  const auto record = sandbox::read_record(sandbox);
  if (!record) return json;
  if (const auto age = age_of(*record)) json["age_seconds"] = *age;
  LayerUsage all;
  for (const sandbox::FileSystem& one : record->file_systems) {
    std::vector<std::string> layers = one.layer_paths(sandbox);
    layers.push_back(one.upper(sandbox));
    for (const std::string& layer : layers) {
      const auto counted = layer_usage(layer);
      if (!counted) return json;
      all.names += counted->names;
      all.bytes += counted->bytes;
    }
  }
  json["changes"] = all.names;
  json["size_bytes"] = all.bytes;
  return json;
}

/// Those of this user.
Json describe_sandboxes() {
  Json sandboxes = Json::array();
  const std::string store = sandbox::store_path();
  for (const std::string& name : sandbox::sandbox_names(store)) {
    if (const auto sandbox = sandbox::Sandbox::open(store, name)) {
      sandboxes.push_back(describe(*sandbox));
    }
  }
  return sandboxes;
}

std::string age_text(const Json& age) {
  if (!age.is_number()) return "-";
  return with_unit(age.get<double>(), {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}});
}

std::string text_of_size(const Json& size) {
  return size.is_number() ? size_text(size.get<uint64_t>()) : "-";
}

/// A name for a column: in quotes if it could be taken for something else.
std::string word_of(const Json& text) {
  if (!text.is_string()) return "-";
  const auto word = text.get<std::string>();
  const bool is_plain = !word.empty() && word != "-" && std::ranges::none_of(word, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\'';
  });
  return is_plain ? word : in_quotes(word);
}

std::vector<std::string> row_of(const Json& one, std::string place) {
  const Json& changes = one["changes"];
  return {word_of(one["name"]),
          std::move(place),
          one["state"].get<std::string>(),
          age_text(one["age_seconds"]),
          changes.is_number() ? changes.dump() : "-",
          text_of_size(one["size_bytes"])};
}

void print_table(std::ostream& out, const Json& mounts, const Json& sandboxes) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "MOUNTPOINT", "STATE", "AGE", "CHANGES", "SIZE"}};
  for (const Json& mount : mounts) rows.push_back(row_of(mount, word_of(mount["mountpoint"])));
  for (const Json& sandbox : sandboxes) rows.push_back(row_of(sandbox, "(sandbox)"));
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      out << row[i] << std::string(widths[i] - row[i].size() + 2, ' ');
    }
    out << row.back() << "\n";
  }
}

}  // namespace

constexpr command_line::Command kListCommand = {
    .name = "list",
    .synopsis = "overpass list [--json]",
    .summary = "show all mounts and sandboxes with name, state, age, and what was changed",
    .description =
        "CHANGES are the names in the upper directory, SIZE is the space they take. '-' "
        "stands where\nthere are more than 10000, or where this user may not look.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Nothing,
    .help_call = "overpass help list",
};

int run_list(Context& context, const ParsedArguments& parsed) {
  if (!parsed.operands.empty()) {
    return fail_with(context,
                     {"list takes no argument: " + in_quotes(parsed.operands.front()),
                      "'overpass status MOUNTPOINT' shows one mount"},
                     kUsage);
  }
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) {
    return fail_with(context, {"/proc/self/mountinfo cannot be read", "mount /proc"});
  }
  Json mounts = Json::array();
  for (const std::string& mountpoint : find_unions(*mountinfo)) {
    mounts.push_back(describe(context, mountpoint));
  }
  Json sandboxes = describe_sandboxes();
  if (!parsed.has("--json")) {
    print_table(context.out, mounts, sandboxes);
    return kSuccess;
  }
  const Json document = {
      {"format", kFormat}, {"mounts", std::move(mounts)}, {"sandboxes", std::move(sandboxes)}};
  context.out << document.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  return kSuccess;
}

}  // namespace overpass::cli
