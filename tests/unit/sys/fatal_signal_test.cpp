// SPDX-License-Identifier: MIT
//
// Signals that are pending for threads. A process that was killed keeps showing it until it is
// waited for; of other deadly signals tests/mount/copy_up/long_copies_test.py has one.

#include "sys/fatal_signal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "ended_child.h"

namespace overpass::sys {
namespace {

using unit::EndedChild;

TEST(FatalSignal, Shows) { EXPECT_TRUE(is_being_killed(EndedChild().pid())); }

TEST(FatalSignal, IsNoneThatIsBlockedOrHandled) {
  const pid_t self = ::gettid();
  EXPECT_FALSE(is_being_killed(self));
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  ASSERT_EQ(::pthread_kill(::pthread_self(), SIGUSR1), 0);
  EXPECT_FALSE(is_being_killed(self));
  int taken = 0;
  EXPECT_EQ(::sigwait(&blocked, &taken), 0);
  EXPECT_EQ(taken, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(FatalSignal, IsNotSeenOfWhomNobodySees) {
  EXPECT_FALSE(is_being_killed(0));
  EXPECT_FALSE(is_being_killed(-1));
  pid_t gone;
  {
    const EndedChild child;
    gone = child.pid();
  }
  EXPECT_FALSE(is_being_killed(gone));
}

}  // namespace
}  // namespace overpass::sys
