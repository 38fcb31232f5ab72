// SPDX-License-Identifier: MIT
//
// This process: its resources, signals and memory.

#ifndef OVERPASS_SYS_PROCESS_H_
#define OVERPASS_SYS_PROCESS_H_

#include <sys/types.h>

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

/// The name by which processes are told apart (/proc/PID/comm). Before Linux 6.14 a program that
/// execute_file() began is called by the number of a descriptor.
void set_name(const char* name);

/// Whether it has a controlling terminal, whose end is told by SIGHUP. False without a procfs.
bool has_terminal();

/// Whether part of the program, or of a library that it has loaded, lies on the file system.
bool maps_file_of(dev_t device);

/// How often this thread has blocked, ever; preemptions do not count.
long waits_of_this_thread();

/// Fixes how much free memory the allocator may keep at the end of each of its arenas, of which it
/// makes one for each processor at most. By itself it makes eight, and keeps more there once large
/// buffers were freed, up to 2 MiB for one of 1 MiB, where give_back_memory() does not reach it.
/// Call it before threads are started. Does nothing without glibc.
void bound_kept_memory();

/// Takes memory from the system now for what this process is about to allocate, so that it costs no
/// page faults then. Until bound_kept_memory() is called again nothing is given back. Does nothing
/// without glibc.
void take_memory_ahead(size_t bytes);

/// Returns to the system what the allocator keeps of freed memory in whole pages. May take tens of
/// milliseconds, in which others wait for memory. Does nothing without glibc.
void give_back_memory();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PROCESS_H_
