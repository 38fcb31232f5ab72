// SPDX-License-Identifier: MIT

#include "fuse/death_report.h"

#include <algorithm>
#include <string>

#include "base/log.h"

namespace overpass::fuse {

namespace {

/// A daemon that has many callers has many requests under way.
constexpr size_t kMostUnderWay = 8;
constexpr size_t kMostAnswered = 4;

std::string described(const TracedRequest& request) {
  // Another version may know more of them.
  const auto opcode = static_cast<size_t>(request.opcode);
  const std::string what =
      opcode < kOpcodeNames.size() ? kOpcodeNames[opcode] : "request " + std::to_string(opcode);
  const std::string whose =
      request.caller == 0 ? "of the kernel" : "of thread " + std::to_string(request.caller);
  return what + " " + whose + ", node " + std::to_string(request.node);
}

}  // namespace

void log_last_requests(const RequestTrace& trace) {
  size_t under_way = 0;
  size_t answered = 0;
  const auto requests = trace.since(1, RequestTrace::kKept);
  for (auto request = requests.rbegin(); request != requests.rend(); ++request) {
    if (!request->duration) {
      if (++under_way <= kMostUnderWay) log::error("not answered: %s", described(*request).c_str());
    } else if (++answered <= kMostAnswered) {
      log::error("answered with %d: %s", request->error, described(*request).c_str());
    }
    if (under_way >= kMostUnderWay && answered >= kMostAnswered) break;
  }
}

}  // namespace overpass::fuse
