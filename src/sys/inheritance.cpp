// SPDX-License-Identifier: MIT
//
// Each call may fail where the user may not do it; then things stay as they were inherited.

#include "sys/inheritance.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <string_view>

#include "sys/errno_result.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

constexpr int kTerminalSignals[] = {SIGHUP, SIGINT, SIGQUIT};

constexpr rlim_t kStack = 8 << 20;
constexpr rlim_t kDescriptors = 65536;

bool is_of_terminal(int signal) {
  return std::ranges::find(kTerminalSignals, signal) != std::end(kTerminalSignals);
}

/// The soft limit to the hard one, and that to `wanted` if this process may. What is in force then.
rlimit raise_limit(__rlimit_resource_t resource, rlim_t wanted = 0) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  if (::getrlimit(resource, &limit) < 0) return limit;
  const struct rlimit raised = {std::max(limit.rlim_max, wanted), std::max(limit.rlim_max, wanted)};
  if (::setrlimit(resource, &raised) == 0) return raised;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(resource, &limit);
  return limit;
}

void give_threads_a_stack() {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return;
  (void)::pthread_attr_setstacksize(&attributes, kStack);
  (void)::pthread_setattr_default_np(&attributes);
  (void)::pthread_attr_destroy(&attributes);
}

void reset_io_priority() {
  constexpr int kWhoProcess = 1;
  constexpr long kClassShift = 13;
  constexpr long kBestEffort = 2;
  constexpr long kUsualLevel = 4;
  const long priority = ::syscall(SYS_ioprio_get, kWhoProcess, 0);
  // Idle comes behind best effort.
  const bool is_worse = priority > (kBestEffort << kClassShift | kUsualLevel);
  if (is_worse) (void)::syscall(SYS_ioprio_set, kWhoProcess, 0, 0);
}

void reset_oom_score() {
  constexpr char kName[] = "self/oom_score_adj";
  const std::string text = read_proc(kName).value_or("");
  int score = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), score);
  if (score <= 0) return;
  const UniqueFd file(::openat(raw(proc()), kName, O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(raw(file), "0", 1);
}

}  // namespace

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (is_ignored(signal) && !is_of_terminal(signal)) (void)::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  (void)::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void reset_terminal_signals() {
  for (const int signal : kTerminalSignals) {
    if (is_ignored(signal)) (void)::signal(signal, SIG_DFL);
  }
}

bool is_ignored(int signal) {
  struct sigaction action = {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void ignore_signals_of_limits() {
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGXCPU}) (void)::signal(signal, SIG_IGN);
}

std::vector<std::string> raise_limits() {
  // The limit of core dumps stays: it was set for a reason, and it harms no user of the mount.
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_MEMLOCK,
                              RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE}) {
    (void)raise_limit(resource);
  }
  (void)raise_limit(RLIMIT_NOFILE, kDescriptors);
  (void)raise_limit(RLIMIT_STACK, kStack);
  (void)raise_limit(RLIMIT_RTTIME, RLIM_INFINITY);
  give_threads_a_stack();
  std::vector<std::string> remaining;
  const rlim_t size = raise_limit(RLIMIT_FSIZE, RLIM_INFINITY).rlim_cur;
  if (size != RLIM_INFINITY) {
    remaining.push_back("no file of the mount can grow beyond " + std::to_string(size) +
                        " bytes: an inherited limit (ulimit -f) may not be raised");
  }
  const rlim_t seconds = raise_limit(RLIMIT_CPU, RLIM_INFINITY).rlim_cur;
  if (seconds != RLIM_INFINITY) {
    remaining.push_back("the mount ends after " + std::to_string(seconds) +
                        " seconds of CPU time: an inherited limit (ulimit -t) may not be raised");
  }
  return remaining;
}

void reset_modes() {
  (void)::umask(kDaemonUmask);
  constexpr unsigned kAsk = 0xFFFFFFFF;
  const int personality = ::personality(kAsk);
  constexpr int kHarmful = READ_IMPLIES_EXEC | MMAP_PAGE_ZERO | STICKY_TIMEOUTS | WHOLE_SECONDS;
  if (personality < 0 || (personality & kHarmful) == 0) return;
  (void)::personality(static_cast<unsigned>(personality & ~kHarmful));
}

Result<UniqueFd> inherited_copy(BorrowedFd fd) {
  return UniqueFd(TRY(checked(::fcntl(raw(fd), F_DUPFD, STDERR_FILENO + 1))));
}

Result<void> let_inherit(BorrowedFd fd) { return checked_void(::fcntl(raw(fd), F_SETFD, 0)); }

void end_inheritance(BorrowedFd fd) { (void)::fcntl(raw(fd), F_SETFD, FD_CLOEXEC); }

void reset_priorities() {
  if (::getpriority(PRIO_PROCESS, 0) > 0) (void)::setpriority(PRIO_PROCESS, 0, 0);
  const sched_param ordinary = {};
  if (::sched_getscheduler(0) != SCHED_OTHER) {
    (void)::sched_setscheduler(0, SCHED_OTHER, &ordinary);
  }
  reset_io_priority();
  reset_oom_score();
}

}  // namespace overpass::sys
