// SPDX-License-Identifier: MIT
//
// A process that serves each of its clients in a child: forking, waiting for several things at
// once, ending children.

#ifndef OVERPASS_SYS_CHILDREN_H_
#define OVERPASS_SYS_CHILDREN_H_

#include <poll.h>
#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// fork(2): 0 in the child.
Result<pid_t> fork_process();

/// A child that has ended, if there is one.
std::optional<pid_t> reap_child();

/// Waits for a child's end: its status, for WIFSIGNALED() and its like.
int wait_for_child(pid_t child);

void kill_child(pid_t child);

/// Takes the status of a child that has ended; whether it has. Does not wait.
bool has_ended(pid_t child);

/// Ends this process at once, with nothing of the parent's undone.
[[noreturn]] void end_process(int status);

/// Closes every descriptor from 3 on but `kept`. Nothing that owns one of the others may live on.
void close_others(std::initializer_list<BorrowedFd> kept);

/// A duplicate of standard error, close-on-exec; empty if there can be none.
UniqueFd duplicate_standard_error();

/// Makes `fd` standard error.
void replace_standard_error(BorrowedFd fd);

/// /dev/null; empty without it.
UniqueFd open_null();

/// Points the standard streams to `null`. No path is looked up.
void leave_standard_streams(BorrowedFd null);

/// A descriptor that becomes readable when one of the (blocked) signals arrives; non-blocking.
Result<UniqueFd> signal_descriptor(const sigset_t& signals);

/// The number of the next signal that has arrived, if any.
std::optional<int> take_signal(BorrowedFd signals);

/// Whether one of the (blocked) signals has arrived and nobody has taken it yet.
bool has_pending(const sigset_t& signals);

/// The next signal that has arrived, and whether the kernel sent it, as it does for a terminal.
struct ArrivedSignal {
  int number;
  bool is_of_kernel;
};
std::optional<ArrivedSignal> take_arrived_signal(BorrowedFd signals);

/// poll(2); 0 after `timeout_ms` (-1: never). EINTR is repeated.
Result<size_t> wait_for(std::span<pollfd> descriptors, int timeout_ms);

/// Whether the process behind a pidfd is still running.
bool is_running(BorrowedFd process);

/// Sleeps.
void pause_for(int milliseconds);

/// Milliseconds of CLOCK_MONOTONIC.
uint64_t monotonic_ms();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CHILDREN_H_
