// SPDX-License-Identifier: MIT
//
// The daemon keeps its last requests in a ring, which is asked several times a second. A request
// that is under way is asked for again until it has ended; one that takes long is shown before.

#include "cli/status_trace.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>

#include "base/nearest.h"
#include "cli/interruption.h"
#include "fuse/trace_report.h"
#include "sys/children.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::cli {

namespace {

constexpr unsigned kEveryMs = 100;
constexpr double kLong = 1;      ///< Seconds until a request under way is shown.
constexpr size_t kWhole = 4096;  ///< More than are told at once.

std::string time_text(double seconds_since_1970) {
  const auto seconds = static_cast<time_t>(seconds_since_1970);
  struct tm parts = {};
  char text[32] = "";
  if (::localtime_r(&seconds, &parts) != nullptr) {
    (void)std::strftime(text, sizeof text, "%H:%M:%S", &parts);
  }
  char whole[48];
  const double fraction = seconds_since_1970 - static_cast<double>(seconds);
  (void)std::snprintf(whole, sizeof whole, "%s.%06.0f", text, std::min(fraction * 1e6, 999'999.0));
  return whole;
}

/// What would end or garble the line is shown as '?'.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char byte) { return byte >= 0 && (byte < ' ' || byte == 127); }, '?');
  return text.empty() ? "?" : text;
}

std::string line_of(const fuse::ToldRequest& request) {
  char start[96];
  (void)std::snprintf(start, sizeof start, "%s %-15s %7d %10.3f ms  ",
                      time_text(request.began).c_str(), request.type.c_str(), request.caller,
                      request.seconds * 1e3);
  std::string line = start + printable(request.path);
  if (request.is_under_way) return line + "  under way";
  if (request.error == 0) return line;
  const char* const name = ::strerrorname_np(request.error);
  return line + "  " + (name != nullptr ? name : std::to_string(request.error));
}

class Tracer {
 public:
  Tracer(Context& context, std::string mountpoint)
      : context_(context), mountpoint_(std::move(mountpoint)) {}

  /// From the requests that are under way on.
  Result<void> begin() {
    next_ = TRY(ask(1, 1)).newest;
    for (uint64_t number = 1; number < next_;) {
      const auto report = TRY(ask(number, kWhole));
      if (report.requests.empty()) break;
      for (const auto& request : report.requests) note(request);
      number = report.next;
    }
    return {};
  }

  /// Shows what has come up to now; the question itself is a request, too.
  Result<void> look() {
    TRY(look_at_waiting());
    const uint64_t end = TRY(ask(next_, 1)).newest;
    while (next_ < end) {
      const auto report = TRY(ask(next_, kWhole));
      if (report.requests.empty()) return {};
      const uint64_t lost = report.requests.front().number - next_;
      if (lost > 0) context_.err << "overpass: " << lost << " requests were too fast to show\n";
      for (const auto& request : report.requests) show(request);
      next_ = report.next;
    }
    return {};
  }

 private:
  Result<fuse::TraceReport> ask(uint64_t number, size_t most) {
    const std::string name = std::string(fuse::kTraceXattr) + fuse::trace_question(number, most);
    // Opened anew each time: a descriptor would hold the mount.
    const UniqueFd root = TRY(sys::open_path(mountpoint_.c_str(), O_PATH | O_DIRECTORY));
    const std::string text = TRY(sys::get_long_xattr(sys::place_of(root), name.c_str()));
    auto report = fuse::read_trace_report(text);
    if (!report) return fail(EOPNOTSUPP);
    return std::move(*report);
  }

  void note(const fuse::ToldRequest& request) {
    if (request.is_under_way && request.caller != ::gettid())
      waiting_.emplace(request.number, false);
  }

  void show(const fuse::ToldRequest& request) {
    if (request.caller == ::gettid()) return;  // That is this command.
    if (request.is_under_way) return note(request);
    context_.out << line_of(request) << '\n';
  }

  Result<void> look_at_waiting() {
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const auto report = TRY(ask(it->first, 1));
      const bool is_there = !report.requests.empty() && report.requests.front().number == it->first;
      const bool has_ended = !is_there || !report.requests.front().is_under_way;
      const bool is_due = has_ended || (!it->second && report.requests.front().seconds > kLong);
      if (is_there && is_due) {
        context_.out << line_of(report.requests.front()) << '\n';
        it->second = true;
      }
      it = has_ended ? waiting_.erase(it) : std::next(it);
    }
    return {};
  }

  Context& context_;
  const std::string mountpoint_;
  uint64_t next_ = 1;
  /// By number: under way when last seen. Whether it has been shown so.
  std::map<uint64_t, bool> waiting_;
};

std::unexpected<Problem> cannot(const std::string& mountpoint, Errno error) {
  const bool is_unknown = error == Errno{EOPNOTSUPP} || error == Errno{ENODATA};
  return problem("the requests to " + in_quotes(mountpoint) +
                     " cannot be shown: " + std::strerror(to_int(error)),
                 is_unknown ? "its daemon is of another version; mount it anew"
                            : "run it as the user who mounted it, or as root");
}

/// After it has told something.
bool has_gone(Errno error) {
  return error != Errno{EPERM} && error != Errno{EACCES} && error != Errno{ENFILE};
}

}  // namespace

Expected<void> trace_requests(Context& context, const std::string& mountpoint) {
  note_interruption({SIGINT, SIGTERM, SIGHUP});
  Tracer tracer(context, mountpoint);
  auto looked = tracer.begin();
  if (!looked) return cannot(mountpoint, looked.error());
  while (looked && !is_interrupted()) {
    looked = tracer.look();
    context.out << std::flush;
    if (!context.out) return problem("the output cannot be written", "see who reads it");
    sys::pause_for(kEveryMs);
  }
  if (looked || has_gone(looked.error())) return {};
  return cannot(mountpoint, looked.error());
}

}  // namespace overpass::cli
