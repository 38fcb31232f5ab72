// SPDX-License-Identifier: MIT
//
// `overpass log`: the snapshots of a sandbox.

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/layer_usage.h"
#include "sandbox/record.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  ///< Of the JSON document; raised when a key changes.

constexpr command_line::Flag kFlags[] = {
    {"--json", '\0', "", "write one JSON document"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

/// What all of the layers hold; null if that cannot be told.
Json describe(const sandbox::Sandbox& sandbox, const sandbox::Snapshot& snapshot) {
  Json json = {{"label", snapshot.label},
               {"created", snapshot.created},
               {"changes", nullptr},
               {"size_bytes", nullptr}};
  LayerUsage all;
  for (const std::string& id : snapshot.layers) {
    const auto usage = layer_usage(sandbox::layer_path(sandbox.store(), id));
    if (!usage) return json;
    all.names += usage->names;
    all.bytes += usage->bytes;
  }
  json["changes"] = all.names;
  json["size_bytes"] = all.bytes;
  return json;
}

void print_line(std::ostream& out, const Json& one) {
  const auto text = [&](const char* key) { return one[key].get<std::string>(); };
  const bool is_known = one["changes"].is_number();
  out << text("created") << "  "
      << (is_known ? std::to_string(one["changes"].get<uint64_t>()) : "-") << "  "
      << (is_known ? size_text(one["size_bytes"].get<uint64_t>()) : "-") << "  " << text("label")
      << "\n";
}

}  // namespace

constexpr command_line::Command kLogCommand = {
    .name = "log",
    .synopsis = "overpass log [--json] NAME",
    .summary = "show the snapshots of a sandbox",
    .description =
        "Each is a line, the last one first: when it was made, how many names it froze, the space\n"
        "they take, and its label. '-' stands where there are more than 10000.",
    .groups = kGroups,
    .examples = {},
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help log",
};

int run_log(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(context, {"log needs the NAME of one sandbox", "'overpass list' shows all"},
                     kUsage);
  }
  const auto sandbox = sandbox::Sandbox::find(sandbox::store_path(), parsed.operands.front());
  if (!sandbox) return fail_with(context, sandbox.error());
  const auto record = sandbox::read_record(*sandbox);
  if (!record) return fail_with(context, record.error());
  Json all = Json::array();
  for (auto one = record->snapshots.rbegin(); one != record->snapshots.rend(); ++one) {
    all.push_back(describe(*sandbox, *one));
  }
  if (!parsed.has("--json")) {
    for (const Json& one : all) print_line(context.out, one);
    return kSuccess;
  }
  const Json document = {
      {"format", kFormat}, {"sandbox", sandbox->name()}, {"snapshots", std::move(all)}};
  context.out << document.dump() << "\n";
  return kSuccess;
}

}  // namespace overpass::cli
