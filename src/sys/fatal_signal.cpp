// SPDX-License-Identifier: MIT
//
// Whatever signal ends a group of threads, the kernel makes SIGKILL pending for each of them.

#include "sys/fatal_signal.h"

#include <csignal>
#include <cstdint>

#include "sys/thread_status.h"

namespace overpass::sys {

namespace {

constexpr uint64_t kKilled = uint64_t{1} << (SIGKILL - 1);

}  // namespace

bool is_being_killed(pid_t thread) {
  const auto status = thread_status(thread);
  if (!status) return false;
  return ((status_bits(*status, "SigPnd") | status_bits(*status, "ShdPnd")) & kKilled) != 0;
}

std::optional<bool> is_interrupted(pid_t thread) {
  const auto status = thread_status(thread);
  if (!status) return std::nullopt;
  const uint64_t for_thread = status_bits(*status, "SigPnd");
  const uint64_t for_process = status_bits(*status, "ShdPnd");
  const bool is_first = status_field(*status, "Tgid") == status_field(*status, "Pid");
  const uint64_t seen = for_thread | (is_first ? for_process : 0);
  const uint64_t blocked = status_bits(*status, "SigBlk");
  return (seen & ~blocked) != 0 || ((for_thread | for_process) & kKilled) != 0;
}

}  // namespace overpass::sys
