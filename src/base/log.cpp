// SPDX-License-Identifier: MIT
//
// Formats a line and hands it to standard error or syslog.

#include "base/log.h"

#include <syslog.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>

namespace overpass::log {

namespace {

std::atomic<Target> target = Target::StandardError;
std::atomic<bool> with_debug = false;

[[gnu::format(printf, 2, 0)]] void write(int priority, const char* format, va_list arguments) {
  if (target == Target::Syslog) {
    vsyslog(priority, format, arguments);
    return;
  }
  char line[1024];
  (void)std::vsnprintf(line, sizeof line, format, arguments);
  std::fprintf(stderr, "overpass: %s\n", line);
}

}  // namespace

void configure(Target where, bool debug) {
  target = where;
  with_debug = debug;
  if (target == Target::Syslog) openlog("overpass", LOG_PID, LOG_DAEMON);
}

bool debug_enabled() { return with_debug; }

void debug(const char* format, ...) {
  if (!with_debug) return;
  va_list arguments;
  va_start(arguments, format);
  write(LOG_DEBUG, format, arguments);
  va_end(arguments);
}

void warn(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write(LOG_WARNING, format, arguments);
  va_end(arguments);
}

void error(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write(LOG_ERR, format, arguments);
  va_end(arguments);
}

}  // namespace overpass::log
