// SPDX-License-Identifier: MIT
//
// Whatever signal ends a group of threads, the kernel makes SIGKILL pending for each of them.

#include "sys/fatal_signal.h"

#include <csignal>
#include <cstdint>

#include "sys/thread_status.h"

namespace overpass::sys {

bool is_being_killed(pid_t thread) {
  constexpr uint64_t kKilled = uint64_t{1} << (SIGKILL - 1);
  const auto status = thread_status(thread);
  if (!status) return false;
  return ((status_bits(*status, "SigPnd") | status_bits(*status, "ShdPnd")) & kKilled) != 0;
}

}  // namespace overpass::sys
