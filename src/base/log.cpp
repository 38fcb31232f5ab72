// SPDX-License-Identifier: MIT
//
// Formats a line and hands it to standard error or syslog. Names in layers may hold anything, and
// are not to make up lines of their own or talk to a terminal.

#include "base/log.h"

#include <syslog.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>

#include "base/warning_limit.h"

namespace overpass::log {

namespace {

std::atomic<Target> target = Target::StandardError;
std::atomic<bool> with_debug = false;
std::atomic<const char*> name = "overpass";
WarningLimit warning_limit;

void write(int priority, const char* line) {
  if (target == Target::Syslog) {
    syslog(priority, "%s", line);
  } else {
    std::fprintf(stderr, "%s: %s\n", name.load(), line);
  }
}

bool may_warn(const char* line) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return warning_limit.admits(line, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

[[gnu::format(printf, 2, 0)]] void write(int priority, const char* format, va_list arguments) {
  char line[1024];
  (void)std::vsnprintf(line, sizeof line, format, arguments);
  for (char* at = line; *at != '\0'; ++at) {
    if (static_cast<unsigned char>(*at) < ' ' || *at == '\x7f') *at = '?';
  }
  if (priority != LOG_WARNING) return write(priority, line);
  if (!may_warn(line)) return;
  if (const uint32_t kept_back = warning_limit.take_kept_back(); kept_back > 0) {
    char note[64];
    (void)std::snprintf(note, sizeof note, "%u warnings were left out", kept_back);
    write(priority, note);
  }
  write(priority, line);
}

}  // namespace

void configure(Target where, bool debug, const char* program) {
  target = where;
  name = program;
  with_debug = debug;
  if (target == Target::Syslog) openlog(program, LOG_PID, LOG_DAEMON);
}

void connect_to_system_log() {
  ::tzset();
  openlog(name.load(), LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void record(const char* line) {
  if (target == Target::Syslog) {
    syslog(LOG_INFO, "%s", line);
  } else {
    std::fputs(line, stderr);
  }
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
