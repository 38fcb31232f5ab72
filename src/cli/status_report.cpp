// SPDX-License-Identifier: MIT
//
#include "cli/status_report.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
bool is_dead(const Result<T>& answer) {
  return answer.failed_with(ENOTCONN) || answer.failed_with(ECONNABORTED);
}

std::unexpected<Problem> dead(const std::string& mountpoint) {
  return problem("the daemon of " + in_quotes(mountpoint) + " is dead",
                 "overpass umount " + in_quotes(mountpoint) + " clears the mountpoint");
}

/// Which layers a status tells of: "upper /u, 3 lowers".
std::string layers_text(const Json& status) {
  const auto layers = status.find("layers");
  if (layers == status.end() || !layers->is_array()) return "";
  std::string upper = "read-only";
  size_t lowers = 0;
  for (const Json& layer : *layers) {
    if (!layer.is_object() || !layer.contains("role") || !layer.contains("path")) continue;
    const bool is_upper = layer["role"] == "upper";
    if (is_upper) upper = "upper " + in_quotes(value_text(layer["path"]));
    if (!is_upper) ++lowers;
  }
  return ", " + upper + ", " + std::to_string(lowers) + (lowers == 1 ? " lower" : " lowers");
}

}  // namespace

std::string line_of_mount(const std::string& mountpoint, const Expected<std::string>& status) {
  // A name with a line break stays on its line.
  const std::string where = in_quotes(mountpoint) + ": ";
  if (!status) return where + status.error().line();
  const Json parsed = Json::parse(*status, nullptr, false);
  const auto pid = daemon_pid(*status);
  if (!parsed.is_object()) return where + "served by another version of overpass";
  // A daemon may keep from others who it is and what it shows.
  const std::string who = pid ? "pid " + std::to_string(*pid) : "another user's";
  const auto passthrough = parsed.find("passthrough");
  const bool is_passed = passthrough != parsed.end() && passthrough->is_object() &&
                         passthrough->contains("active") && (*passthrough)["active"] == true;
  return where + who + layers_text(parsed) + (is_passed ? ", passthrough" : ", no passthrough");
}

std::string json_of_mount(const std::string& mountpoint, const Expected<std::string>& status) {
  Json object = status ? Json::parse(*status, nullptr, false) : Json::object();
  if (!object.is_object()) object = Json::object();
  object["mountpoint"] = mountpoint;
  if (!status) object["error"] = status.error().line();
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_dead(const std::string& mountpoint) {
  const auto root = sys::open_path(mountpoint.c_str(), O_RDONLY | O_DIRECTORY);
  if (!root) return is_dead(root);
  return is_dead(sys::get_xattr(sys::place_of(*root), kStatusAttribute));
}

Expected<std::string> read_status(const std::string& mountpoint) {
  const std::string what = in_quotes(mountpoint);
  const auto root = sys::open_path(mountpoint.c_str(), O_RDONLY | O_DIRECTORY);
  if (is_dead(root)) return dead(mountpoint);
  if (!root) {
    return problem(what + " cannot be opened: " + std::strerror(to_int(root.error())),
                   "only the user who mounted it may look, unless it has allow_other");
  }
  auto text = sys::get_long_xattr(sys::place_of(*root), kStatusAttribute);
  // The kernel opens a directory that it knows without asking the daemon.
  if (is_dead(text)) return dead(mountpoint);
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

}  // namespace overpass::cli
