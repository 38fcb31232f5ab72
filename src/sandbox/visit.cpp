// SPDX-License-Identifier: MIT
//
// The command is in the caller's session and process group, so that the terminal's signals and job
// control reach it and its visitor alike.

#include "sandbox/visit.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "sandbox/attendant.h"
#include "sys/children.h"
#include "sys/pidfd.h"
#include "sys/process.h"

namespace overpass::sandbox {

namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// A shell in the sandbox takes the terminal for groups that nobody outside knows.
class Terminal {
 public:
  Terminal() : is_ours_(::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {}
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  ~Terminal() {
    if (!is_ours_ || ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) return;
    // Taking it back from the background would stop this process.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    (void)sys::block_signals(stop);
    (void)::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  }

 private:
  const bool is_ours_;
};

void pass_on(BorrowedFd signals, BorrowedFd command) {
  while (const auto signal = sys::take_arrived_signal(signals)) {
    if (!signal->is_of_kernel) (void)sys::send_signal(command, signal->number);
  }
}

}  // namespace

Expected<int> visit(BorrowedFd first_process, const Command& command) {
  sigset_t passed_on;
  sigemptyset(&passed_on);
  for (const int signal : kPassedOn) sigaddset(&passed_on, signal);
  (void)sys::block_signals(passed_on);
  const auto signals = sys::signal_descriptor(passed_on);
  if (!signals) return problem("signals cannot be waited for", "raise the limit of open files");
  const Terminal terminal;
  auto attended = start_attended(first_process, command);
  if (!attended) return std::unexpected(attended.error());
  if (!attended->command) return attended->status;
  std::array<pollfd, 2> polled = {pollfd{raw(*signals), POLLIN, 0},
                                  pollfd{raw(attended->connection), POLLIN, 0}};
  do {
    if (!sys::wait_for(polled, -1)) break;
    pass_on(*signals, attended->command);
  } while (polled[1].revents == 0);
  if (const auto status = read_status(attended->connection)) return *status;
  return problem("the sandbox ended while the command ran", "the system log may say why");
}

}  // namespace overpass::sandbox
