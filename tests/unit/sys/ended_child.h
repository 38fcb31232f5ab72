// SPDX-License-Identifier: MIT
//
// A process that was killed and not yet waited for: the nearest thing to one that is being killed
// while it waits for something that nothing interrupts.

#ifndef OVERPASS_TESTS_UNIT_SYS_ENDED_CHILD_H_
#define OVERPASS_TESTS_UNIT_SYS_ENDED_CHILD_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace overpass::unit {

class EndedChild {
 public:
  EndedChild() : pid_(::fork()) {
    if (pid_ == 0) {
      while (true) ::pause();
    }
    EXPECT_EQ(::kill(pid_, SIGKILL), 0);
    siginfo_t info;
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  EndedChild(const EndedChild&) = delete;
  EndedChild& operator=(const EndedChild&) = delete;
  ~EndedChild() { (void)::waitpid(pid_, nullptr, 0); }

  pid_t pid() const { return pid_; }

 private:
  const pid_t pid_;
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_SYS_ENDED_CHILD_H_
