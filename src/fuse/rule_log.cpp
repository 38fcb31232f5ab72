// SPDX-License-Identifier: MIT
//
// A line is written by one call with O_APPEND, so that lines of several threads and mounts do not
// mix.

#include "fuse/rule_log.h"

#include <fcntl.h>
#include <time.h>

#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/nearest.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::fuse {

namespace {

/// The time in UTC, as RFC 3339 writes it.
std::string time_now() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts = {};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[64];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  (void)std::snprintf(text + length, sizeof text - length, ".%06ldZ", now.tv_nsec / 1000);
  return text;
}

std::string line_of(const overlay::RuleEvent& event, const std::string& prefix) {
  nlohmann::ordered_json line = {
      {"time", time_now()}, {"operation", event.operation}, {"path", prefix + event.path}};
  if (!event.new_path.empty()) line["new_path"] = prefix + event.new_path;
  line["uid"] = event.uid;
  line["gid"] = event.gid;
  line["pid"] = event.thread;
  const char* const name = event.error == 0 ? nullptr : ::strerrorname_np(event.error);
  if (name != nullptr) line["error"] = name;
  if (name == nullptr) line["error"] = nullptr;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Expected<void> RuleLog::open(const std::string& path) {
  auto file = sys::open_file_for_appending(path.c_str());
  if (!file) {
    return problem("the log of rules " + in_quotes(path) +
                       " cannot be written: " + std::strerror(to_int(file.error())),
                   "correct rules_log=; a pipe needs a reader first");
  }
  file_ = std::move(*file);
  return {};
}

void RuleLog::write(const overlay::RuleEvent& event) {
  const std::string line = line_of(event, prefix_) + "\n";
  if (!file_) return log::record(line.c_str());
  if (!sys::write_message(file_, line)) lost_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace overpass::fuse
