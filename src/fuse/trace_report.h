// SPDX-License-Identifier: MIT
//
// The last requests of a mounted union: an extended attribute of the root that is not listed, read
// by `overpass status --trace`. It is a message between one program and itself, so another version
// may change it.

#ifndef OVERPASS_FUSE_TRACE_REPORT_H_
#define OVERPASS_FUSE_TRACE_REPORT_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace overpass::fuse {

struct Daemon;

/// Followed by the number of the request to begin with, ':', and how many requests are wanted, both
/// in decimal.
inline constexpr std::string_view kTraceXattr = "overpass.trace.";

/// A request as it is told.
struct ToldRequest {
  uint64_t number = 0;
  std::string type;    ///< As linux/fuse.h has it, without FUSE_.
  std::string path;    ///< In the union, beginning with '/'; empty when the node is not known.
  pid_t caller = 0;    ///< The thread.
  double began = 0;    ///< In seconds since 1970.
  double seconds = 0;  ///< What it took, or has taken so far.
  bool is_under_way = false;
  int error = 0;  ///< The errno of the answer.
};

struct TraceReport {
  std::vector<ToldRequest> requests;
  uint64_t next = 0;    ///< The number to ask from when these are known.
  uint64_t newest = 0;  ///< The number that the next request will have.
};

/// The attribute's value for what follows kTraceXattr in its name; nothing if that is no question.
/// It tells fewer requests than wanted where more would not fit into an attribute.
std::optional<std::string> trace_report(Daemon& daemon, std::string_view question);

/// What to append to kTraceXattr.
std::string trace_question(uint64_t number, size_t most);

/// Reads what trace_report() wrote; nothing for any other text.
std::optional<TraceReport> read_trace_report(std::string_view text);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_TRACE_REPORT_H_
