// SPDX-License-Identifier: MIT
//
// The summary knows shapes, not members, so that what the daemon adds is shown without a change
// here; only copies under way are put into words.

#include "cli/status_report.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/nearest.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kLongCopy = 1;  ///< Seconds.
constexpr double kMebibyte = 1 << 20;

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

bool is_nothing(const Json& value) { return value.is_number() && value == 0; }

/// The elements of a list, or the members of an object, below their key.
std::string nested_text(const Json& value) {
  std::string text;
  for (const auto& [key, element] : value.items()) {
    if (is_nothing(element)) continue;
    text += "\n ";
    if (value.is_object()) text += " " + key + ":";
    if (!element.is_object()) {
      text += " " + value_text(element);
      continue;
    }
    for (const auto& [name, part] : element.items()) text += " " + name + "=" + value_text(part);
  }
  return text;
}

double number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

/// A copy-up under way: "/path: copying, 12 of 1024 MiB (1%), for 3 s"; nothing for one that may be
/// over before this is read.
std::string copy_text(const Json& copy) {
  const auto file = copy.find("file"), phase = copy.find("phase");
  const double seconds = number_in(copy, "seconds");
  if (file == copy.end() || phase == copy.end() || seconds < kLongCopy) return "";
  const double done = number_in(copy, "done"), total = number_in(copy, "total");
  char progress[128];
  (void)std::snprintf(progress, sizeof progress, ", %.0f of %.0f MiB (%.0f%%), for %.0f s",
                      done / kMebibyte, total / kMebibyte, total > 0 ? done / total * 100 : 0,
                      seconds);
  return value_text(*file) + ": " + value_text(*phase) + progress;
}

std::string copies_text(const Json& copies) {
  std::string text;
  for (const Json& copy : copies) {
    const std::string line = copy.is_object() ? copy_text(copy) : "";
    if (!line.empty()) text += "\n  " + line;
  }
  return text.empty() ? " none that takes long" : text;
}

std::string member_text(const Json& object, const std::string& key) {
  const Json& value = object[key];
  std::string text = key + ":";
  if (key == "copies" && value.is_array()) return text + copies_text(value) + "\n";
  if (value.is_object() && value.contains("active")) {
    text += " " + feature_text(value);
  } else if (value.is_structured()) {
    text += nested_text(value);
  } else {
    text += " " + value_text(value);
  }
  const auto reason = object.find(key + "_reason");
  const std::string why = reason == object.end() ? "" : value_text(*reason);
  if (!why.empty()) text += ": " + why;
  return text + "\n";
}

/// Where a member stands in the summary.
int rank_of(std::string_view key) {
  constexpr std::string_view kFirst[] = {"version",     "pid",       "mountpoint", "layers",
                                         "passthrough", "writeback", "transport",  "threads"};
  if (key == "requests") return 100;
  if (key == "latencies") return 101;
  const auto found = std::find(std::begin(kFirst), std::end(kFirst), key);
  return static_cast<int>(found - std::begin(kFirst));
}

std::vector<std::string> keys_in_order(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) {
    const size_t stem = key.size() - std::string_view("_reason").size();
    const bool belongs_to_another =
        key.ends_with("_reason") && object.contains(key.substr(0, stem));
    if (key == "rule_texts") continue;  // `overpass rules` is for these.
    if (!belongs_to_another) keys.push_back(key);
  }
  std::stable_sort(keys.begin(), keys.end(), [](const auto& left, const auto& right) {
    return rank_of(left) < rank_of(right);
  });
  return keys;
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
  auto text = sys::get_xattr(sys::place_of(*root), kStatusAttribute);
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

Expected<std::string> summarize_status(std::string_view status) {
  const Json parsed = Json::parse(status, nullptr, false);
  if (!parsed.is_object()) {
    return problem("the status is not understood",
                   "another version of overpass may serve the mount");
  }
  std::string text;
  for (const std::string& key : keys_in_order(parsed)) text += member_text(parsed, key);
  return text;
}

}  // namespace overpass::cli
