// SPDX-License-Identifier: MIT
//
// Whatever signal ends a group of threads, the kernel makes SIGKILL pending for each of them.

#include "sys/fatal_signal.h"

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>

#include "sys/file_io.h"

namespace overpass::sys {

namespace {

constexpr uint64_t kKilled = uint64_t{1} << (SIGKILL - 1);

/// Numbers in /proc are those by which this process knows others.
bool proc_is_ours() {
  char target[32];
  const ssize_t length = ::readlink("/proc/self", target, sizeof target);
  if (length <= 0 || static_cast<size_t>(length) >= sizeof target) return false;
  return std::string_view(target, static_cast<size_t>(length)) == std::to_string(::getpid());
}

/// The set of signals behind `key` in a /proc/PID/status; empty without it.
uint64_t signals_of(std::string_view status, std::string_view key) {
  size_t at = status.find(key);
  if (at == std::string_view::npos) return 0;
  at = status.find_first_not_of(" \t", at + key.size());
  if (at == std::string_view::npos) return 0;
  uint64_t signals = 0;
  (void)std::from_chars(status.data() + at, status.data() + status.size(), signals, 16);
  return signals;
}

}  // namespace

bool is_being_killed(pid_t thread) {
  static const bool is_known = proc_is_ours();
  if (thread <= 0 || !is_known) return false;
  const std::string path = "/proc/" + std::to_string(thread) + "/status";
  const auto status = read_file(path);
  if (!status) return false;
  return ((signals_of(*status, "\nSigPnd:") | signals_of(*status, "\nShdPnd:")) & kKilled) != 0;
}

}  // namespace overpass::sys
