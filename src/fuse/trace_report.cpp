// SPDX-License-Identifier: MIT

#include "fuse/trace_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/number.h"
#include "fuse/daemon.h"
#include "overlay/find/union_path.h"

namespace overpass::fuse {

namespace {

using Json = nlohmann::json;
using Seconds = std::chrono::duration<double>;

/// An attribute has 64 KiB at the most. One request more than this is still far from it: a byte of
/// a path may take six.
constexpr size_t kMostBytes = 40'000;
constexpr size_t kMostOfPath = 1'000;

/// The end of it, if it is long.
std::string path_of(Daemon& daemon, uint64_t node) {
  const overlay::InodeRef inode = daemon.overlay.table.find(overlay::NodeId{node});
  if (!inode) return {};
  std::string path;
  for (const std::string& name : overlay::names_to(*inode)) path += "/" + name;
  if (path.size() > kMostOfPath) path = "..." + path.substr(path.size() - kMostOfPath);
  return path.empty() ? "/" : path;
}

/// A daemon of another version may have known more of them.
std::string name_of(Opcode opcode) {
  const auto number = static_cast<size_t>(opcode);
  return number < kOpcodeNames.size() ? kOpcodeNames[number] : std::to_string(number);
}

Json told(Daemon& daemon, const TracedRequest& request) {
  const Seconds age = RequestTrace::Clock::now() - request.began;
  const Seconds now = std::chrono::system_clock::now().time_since_epoch();
  return {{"number", request.number},
          {"type", name_of(request.opcode)},
          {"path", path_of(daemon, request.node)},
          {"caller", request.caller},
          {"began", (now - age).count()},
          {"seconds", request.duration ? Seconds(*request.duration).count() : age.count()},
          {"under_way", !request.duration},
          {"errno", request.error}};
}

struct Question {
  uint64_t number;
  size_t most;
};

std::optional<Question> read(std::string_view text) {
  const size_t end = text.find(':');
  if (end == std::string_view::npos) return {};
  const auto number = number_of<uint64_t>(text.substr(0, end));
  const auto most = number_of<size_t>(text.substr(end + 1));
  if (!number || !most) return {};
  return Question{*number, std::min(*most, RequestTrace::kKept)};
}

ToldRequest read_request(const Json& json) {
  return {.number = json.at("number"),
          .type = json.at("type"),
          .path = json.at("path"),
          .caller = json.at("caller"),
          .began = json.at("began"),
          .seconds = json.at("seconds"),
          .is_under_way = json.at("under_way"),
          .error = json.at("errno")};
}

}  // namespace

std::optional<std::string> trace_report(Daemon& daemon, std::string_view text) {
  const auto question = read(text);
  if (!question) return {};
  const auto requests = daemon.trace.since(question->number, question->most);
  std::string list;
  uint64_t next = std::max<uint64_t>(question->number, 1);
  for (const TracedRequest& request : requests) {
    if (!list.empty()) list += ',';
    list += told(daemon, request).dump(-1, ' ', false, Json::error_handler_t::replace);
    next = request.number + 1;
    if (list.size() > kMostBytes) break;
  }
  return "{\"requests\":[" + list + "],\"next\":" + std::to_string(next) +
         ",\"newest\":" + std::to_string(daemon.trace.next()) + "}";
}

std::string trace_question(uint64_t number, size_t most) {
  return std::to_string(number) + ":" + std::to_string(most);
}

std::optional<TraceReport> read_trace_report(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    TraceReport report;
    for (const Json& request : json.at("requests")) {
      report.requests.push_back(read_request(request));
    }
    report.next = json.at("next");
    report.newest = json.at("newest");
    return report;
  } catch (const Json::exception&) {
    return {};
  }
}

}  // namespace overpass::fuse
