// SPDX-License-Identifier: MIT
//
// Whatever signal ends a group of threads, the kernel makes SIGKILL pending for each of them.

#include "sys/fatal_signal.h"

#include <charconv>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>

#include "sys/proc.h"

namespace overpass::sys {

namespace {

constexpr uint64_t kKilled = uint64_t{1} << (SIGKILL - 1);

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
  if (thread <= 0 || !proc_has_own_numbers()) return false;
  const auto status = read_proc(std::to_string(thread) + "/status");
  if (!status) return false;
  return ((signals_of(*status, "\nSigPnd:") | signals_of(*status, "\nShdPnd:")) & kKilled) != 0;
}

}  // namespace overpass::sys
