// SPDX-License-Identifier: MIT
//
// fork(2), waitpid(2), signalfd(2), poll(2), close_range(2).

#include "sys/children.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<pid_t> fork_process() { return checked(::fork()); }

std::optional<pid_t> reap_child() {
  int status = 0;
  const pid_t child = ::waitpid(-1, &status, WNOHANG);
  if (child <= 0) return std::nullopt;
  return child;
}

int wait_for_child(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void kill_child(pid_t child) { (void)::kill(child, SIGKILL); }

bool has_ended(pid_t child) {
  const pid_t ended = ::waitpid(child, nullptr, WNOHANG);
  return ended == child || (ended < 0 && errno == ECHILD);
}

void end_process(int status) { ::_exit(status); }

void close_others(std::initializer_list<BorrowedFd> kept) {
  std::vector<unsigned> numbers;
  for (const BorrowedFd fd : kept) {
    if (raw(fd) >= 3) numbers.push_back(static_cast<unsigned>(raw(fd)));
  }
  std::sort(numbers.begin(), numbers.end());
  unsigned first = 3;
  for (const unsigned number : numbers) {
    if (number > first) (void)::close_range(first, number - 1, 0);
    first = number + 1;
  }
  (void)::close_range(first, ~0U, 0);
}

UniqueFd duplicate_standard_error() {
  return UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

void replace_standard_error(BorrowedFd fd) { (void)::dup3(raw(fd), STDERR_FILENO, 0); }

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

void leave_standard_streams(BorrowedFd null) {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    // A filter may know only one of them.
    if (::dup2(raw(null), number) < 0) (void)::dup3(raw(null), number, 0);
  }
}

Result<UniqueFd> signal_descriptor(const sigset_t& signals) {
  const int fd = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

std::optional<ArrivedSignal> take_arrived_signal(BorrowedFd signals) {
  signalfd_siginfo info;
  if (::read(raw(signals), &info, sizeof info) != sizeof info) return std::nullopt;
  return ArrivedSignal{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

bool has_pending(const sigset_t& signals) {
  sigset_t pending;
  if (::sigpending(&pending) != 0) return false;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&signals, signal) == 1 && sigismember(&pending, signal) == 1) return true;
  }
  return false;
}

std::optional<int> take_signal(BorrowedFd signals) {
  const auto signal = take_arrived_signal(signals);
  return signal ? std::optional(signal->number) : std::nullopt;
}

Result<size_t> wait_for(std::span<pollfd> descriptors, int timeout_ms) {
  while (true) {
    const int ready = ::poll(descriptors.data(), descriptors.size(), timeout_ms);
    if (ready >= 0) return static_cast<size_t>(ready);
    if (errno != EINTR) return fail(errno);
  }
}

bool is_running(BorrowedFd process) {
  pollfd polled = {raw(process), POLLIN, 0};
  return ::poll(&polled, 1, 0) == 0;
}

void pause_for(int milliseconds) {
  const timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  (void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

uint64_t monotonic_ms() {
  timespec time = {};
  (void)::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000 +
         static_cast<uint64_t>(time.tv_nsec) / 1'000'000;
}

}  // namespace overpass::sys
