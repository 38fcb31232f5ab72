// SPDX-License-Identifier: MIT
//
// The process is started as posix_spawn(3) does it: with this one's memory, on a stack of its own,
// while the thread that starts it stands still until it has ended.

#include "sys/child_call.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <memory>

namespace overpass::sys {

namespace {

constexpr size_t kStack = size_t{64} << 10;

// ThreadSanitizer takes such a process for a fork, after which it lets no thread be started.
#ifdef __SANITIZE_THREAD__
constexpr bool kStartsProcesses = false;
#else
constexpr bool kStartsProcesses = true;
#endif

/// Blocks all signals in this thread. A handler would run in the process as well.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    (void)::pthread_sigmask(SIG_BLOCK, &all, &before_);  // Cannot fail.
  }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;
  ~WithoutSignals() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

ChildCall::~ChildCall() {
  const pid_t child = child_;
  // No signal tells of its end, so only __WALL finds it.
  while (child > 0 && ::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
  }
}

/// In the process. What it leaves in memory is all that is known of it.
int ChildCall::run(void* self) {
  auto& call = *static_cast<ChildCall*>(self);
  // It would keep the descriptors of this process open after its death.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != call.parent_) return 0;
  const auto result = call.call_();
  call.outcome_ = result ? 0 : to_int(result.error());
  return 0;
}

Result<void> ChildCall::make() {
  static_assert(sizeof child_ == sizeof(pid_t) && std::atomic<pid_t>::is_always_lock_free);
  constexpr int kFlags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS | CLONE_PARENT_SETTID;
  if (!kStartsProcesses) return call_();
  const auto stack = std::make_unique_for_overwrite<std::byte[]>(kStack);
  // It grows downwards; clone(3) aligns it.
  void* top = stack.get() + kStack;
  parent_ = ::getpid();
  int started;
  {
    const WithoutSignals without;
    started = ::clone(run, top, kFlags, this, reinterpret_cast<pid_t*>(&child_));
  }
  if (started < 0) {
    child_ = 0;
    return call_();
  }
  const int outcome = outcome_;
  if (outcome == 0) return {};
  return fail(outcome == kNone ? EINTR : outcome);
}

void ChildCall::kill() {
  const pid_t child = child_;
  if (child > 0) (void)::kill(child, SIGKILL);
}

}  // namespace overpass::sys
