// SPDX-License-Identifier: MIT
//
// Sections know members by name; a member that none knows is shown in the last one, so that what
// the daemon adds is shown without a change here.

#include "cli/status_summary.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kLongCopy = 1;  ///< Seconds.
constexpr double kMebibyte = 1 << 20;

struct Section {
  const char* title;
  std::span<const std::string_view> keys;
};

constexpr std::string_view kMount[] = {"mountpoint", "version",       "pid",      "complete",
                                       "read_only",  "volatile",      "survives", "threads",
                                       "transport",  "lower_changes", "rules"};
constexpr std::string_view kData[] = {"passthrough", "files_registered_by", "writeback", "open",
                                      "lower_io",    "transfers",           "copy_up",   "copies"};
constexpr std::string_view kFormat[] = {"mark_prefix", "redirect_dir", "index", "metacopy",
                                        "verity",      "xino",         "uuid",  "nfs_export"};
constexpr std::string_view kUse[] = {"inodes",      "max_idle_inodes",      "open_handles",
                                     "backing_ids", "cached_directory_fds", "open_fds",
                                     "descriptors", "worker_tasks"};
constexpr Section kSections[] = {
    {"Mount", kMount}, {"Data", kData}, {"Format", kFormat}, {"In use", kUse}};
/// Shown in another way.
constexpr std::string_view kElsewhere[] = {"layers", "requests", "latencies", "rule_texts"};

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
    text += "\n   ";
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
    if (!line.empty()) text += "\n    " + line;
  }
  return text.empty() ? " none that takes long" : text;
}

std::string member_text(const Json& object, std::string_view key) {
  const Json& value = object[std::string(key)];
  std::string text = "  " + std::string(key) + ":";
  if (key == "copies" && value.is_array()) return text + copies_text(value) + "\n";
  if (value.is_object() && value.contains("active")) {
    text += " " + feature_text(value);
  } else {
    const std::string content =
        value.is_structured() ? nested_text(value) : " " + value_text(value);
    text += content.size() > 1 ? content : " none";
  }
  const auto reason = object.find(std::string(key) + "_reason");
  const std::string why = reason == object.end() ? "" : value_text(*reason);
  if (!why.empty()) text += ": " + why;
  return text + "\n";
}

std::string layer_text(const Json& layer) {
  if (!layer.is_object() || !layer.contains("role") || !layer.contains("path")) {
    return "  " + value_text(layer) + "\n";
  }
  const auto is_protected = layer.find("write_protected");
  const bool is_clone = is_protected != layer.end() && *is_protected == true;
  return "  " + value_text(layer["role"]) + ": " + value_text(layer["path"]) +
         (is_clone ? " (the kernel refuses writes)" : "") + "\n";
}

/// "48 us", "2.6 ms".
std::string time_text(double us) {
  char text[32];
  if (us < 1000) {
    (void)std::snprintf(text, sizeof text, us < 10 ? "%.1f us" : "%.0f us", us);
  } else if (us < 1e6) {
    (void)std::snprintf(text, sizeof text, "%.1f ms", us / 1e3);
  } else {
    (void)std::snprintf(text, sizeof text, "%.1f s", us / 1e6);
  }
  return text;
}

/// What is compared with an earlier status.
struct Since {
  Json requests;
  double seconds;
};

/// How many more there are a second; nothing where there was no request.
std::string rate_text(const std::string& type, const Json& count, const Since& since) {
  const double before = number_in(since.requests, type.c_str());
  const double more = (count.is_number() ? count.get<double>() : 0) - before;
  if (more <= 0 || since.seconds <= 0) return "";
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.0f", more / since.seconds);
  return text;
}

constexpr char kRowFormat[] = "%-18s %10s %10s %10s %10s";

std::string row_of(const std::string& type, const std::string& count, const std::string& median,
                   const std::string& slow, const std::string& rate) {
  char line[160];
  (void)std::snprintf(line, sizeof line, kRowFormat, type.c_str(), count.c_str(), median.c_str(),
                      slow.c_str(), rate.c_str());
  std::string row = line;
  row.erase(row.find_last_not_of(' ') + 1);
  return row;
}

/// Each type that there was: how many, and how long half and 99 of 100 of them took at most.
std::string requests_text(const Json& requests, const Json& latencies, const Since* since) {
  std::string text;
  for (const auto& [type, count] : requests.items()) {
    if (is_nothing(count)) continue;
    std::string median, slow;
    if (const auto times = latencies.find(type); times != latencies.end() && times->is_object()) {
      median = time_text(number_in(*times, "median_us"));
      slow = time_text(number_in(*times, "p99_us"));
    }
    text += row_of("  " + type + ":", value_text(count), median, slow,
                   since != nullptr ? rate_text(type, count, *since) : "");
    text += '\n';
  }
  return text;
}

void add_section(std::string& text, const std::string& title, const std::string& lines) {
  if (lines.empty()) return;
  if (!text.empty()) text += "\n";
  text += title + "\n" + lines;
}

bool is_placed(std::string_view key) {
  const auto has = [key](const auto& keys) { return std::ranges::find(keys, key) != keys.end(); };
  return std::ranges::any_of(kSections, [&](const Section& one) { return has(one.keys); }) ||
         std::ranges::find(kElsewhere, key) != std::end(kElsewhere);
}

/// Whether it is the reason of another member.
bool belongs_to_another(const Json& object, const std::string& key) {
  constexpr std::string_view kEnd = "_reason";
  return key.ends_with(kEnd) && object.contains(key.substr(0, key.size() - kEnd.size()));
}

std::string layers_text(const Json& object) {
  std::string text;
  const auto layers = object.find("layers");
  if (layers == object.end() || !layers->is_array()) return text;
  for (const Json& layer : *layers) text += layer_text(layer);
  return text;
}

/// `since` may be null.
std::string summary_of(const Json& object, const Since* since) {
  std::string text;
  for (const Section& section : kSections) {
    std::string lines;
    for (const std::string_view key : section.keys) {
      if (object.contains(std::string(key))) lines += member_text(object, key);
    }
    add_section(text, section.title, lines);
    if (&section == std::begin(kSections)) add_section(text, "Layers", layers_text(object));
  }
  std::string others;
  for (const auto& [key, value] : object.items()) {
    if (!is_placed(key) && !belongs_to_another(object, key)) others += member_text(object, key);
  }
  add_section(text, "Other", others);
  if (const auto requests = object.find("requests"); requests != object.end()) {
    add_section(text,
                row_of("Requests", "count", "median", "99%", since != nullptr ? "a second" : ""),
                requests_text(*requests, object.value("latencies", Json::object()), since));
  }
  return text;
}

std::unexpected<Problem> not_understood() {
  return problem("the status is not understood", "another version of overpass may serve the mount");
}

}  // namespace

Expected<std::string> summarize_status(std::string_view status) {
  const Json parsed = Json::parse(status, nullptr, false);
  if (!parsed.is_object()) return not_understood();
  return summary_of(parsed, nullptr);
}

Expected<std::string> summarize_status(std::string_view status, std::string_view before,
                                       std::chrono::duration<double> while_between) {
  const Json parsed = Json::parse(status, nullptr, false);
  const Json earlier = Json::parse(before, nullptr, false);
  if (!parsed.is_object() || !earlier.is_object()) return not_understood();
  const Since since{earlier.value("requests", Json::object()), while_between.count()};
  return summary_of(parsed, &since);
}

}  // namespace overpass::cli
