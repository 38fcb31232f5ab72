// SPDX-License-Identifier: MIT
//
// What this process has and who may use it.

#ifndef OVERPASS_SYS_PROCESS_H_
#define OVERPASS_SYS_PROCESS_H_

#include <csignal>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace overpass::sys {

/// How many descriptors are open. EBADF without a procfs.
Result<size_t> count_open_descriptors();

/// How many this process may have open, now.
uint64_t descriptor_limit();

/// Number of processors this process may run on, at least 1.
unsigned usable_processors();

/// Blocks the signals in the calling thread and those it starts from now on.
Result<void> block_signals(const sigset_t& signals);

/// Lets `signal` do nothing in this process but interrupt what a thread waits in (EINTR).
Result<void> let_interrupt(int signal);

/// How often this thread has waited for something, ever, rather than been made to wait for others.
long waits_of_this_thread();

/// Returns to the system what the allocator keeps of freed memory in whole pages. May take tens of
/// milliseconds, in which others wait for memory. Does nothing without glibc.
void give_back_memory();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PROCESS_H_
