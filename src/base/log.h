// SPDX-License-Identifier: MIT
//
// The daemon's log: standard error in the foreground, syslog otherwise. Debug lines only with -d.
// Any thread may log; a line is written by one call. Warnings are limited (warning_limit.h),
// control characters are shown as '?'.

#ifndef OVERPASS_BASE_LOG_H_
#define OVERPASS_BASE_LOG_H_

namespace overpass::log {

enum class Target { StandardError, Syslog };

/// May be called again when the daemon goes into the background. `program`, a literal, begins each
/// line.
void configure(Target target, bool debug, const char* program = "overpass");

/// Connects to the system's log and learns the time zone now, while nothing lies over the paths
/// that lead there.
void connect_to_system_log();

bool debug_enabled();

/// Writes a line of any length that is made for programs, as it is; it ends with a line feed.
void record(const char* line);

[[gnu::format(printf, 1, 2)]] void debug(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void warn(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void error(const char* format, ...);

}  // namespace overpass::log

#endif  // OVERPASS_BASE_LOG_H_
