// SPDX-License-Identifier: MIT
//
// The summary knows shapes, not members, so that what the daemon adds is shown without a change
// here.

#include "cli/status_report.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "config/nearest.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// "active", "inactive: REASON".
std::string feature_text(const Json& feature) {
  const auto& active = feature["active"];
  const bool is_active = active.is_boolean() && active.get<bool>();
  std::string text = is_active ? "active" : "inactive";
  if (const auto reason = feature.find("reason"); reason != feature.end()) {
    const std::string why = value_text(*reason);
    if (!why.empty()) text += ": " + why;
  }
  return text;
}

void append_members(std::string& text, const Json& object, const std::string& indent) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_number() && value == 0 && !indent.empty()) continue;
    text += indent + key + ":";
    if (value.is_object() && value.contains("active")) {
      text += " " + feature_text(value) + "\n";
    } else if (value.is_object()) {
      text += "\n";
      append_members(text, value, indent + "  ");
    } else {
      text += " " + value_text(value) + "\n";
    }
  }
}

}  // namespace

Expected<std::string> read_status(const std::string& mountpoint) {
  const std::string what = config::in_quotes(mountpoint);
  const auto root = sys::open_path(mountpoint.c_str(), O_RDONLY | O_DIRECTORY);
  if (root.failed_with(ENOTCONN)) {
    return problem("the daemon of " + what + " is dead", "'overpass umount' clears the mountpoint");
  }
  if (!root) {
    return problem(what + " cannot be opened: " + std::strerror(to_int(root.error())),
                   "run it as the user who mounted it, or as root");
  }
  auto text = sys::get_xattr(sys::itself(*root), kStatusAttribute);
  if (!text) {
    return problem(what + " gives no status: " + std::strerror(to_int(text.error())),
                   "another version of overpass may serve it");
  }
  return std::move(*text);
}

std::optional<pid_t> daemon_pid(std::string_view status) {
  const Json parsed = Json::parse(status, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  const auto pid = parsed.find("pid");
  if (pid == parsed.end() || !pid->is_number_integer()) return std::nullopt;
  const auto number = pid->get<pid_t>();
  if (number <= 0) return std::nullopt;
  return number;
}

Expected<std::string> summarize_status(std::string_view status) {
  const Json parsed = Json::parse(status, nullptr, false);
  if (!parsed.is_object()) {
    return problem("the status is not understood",
                   "another version of overpass may serve the mount");
  }
  std::string text;
  append_members(text, parsed, "");
  return text;
}

}  // namespace overpass::cli
