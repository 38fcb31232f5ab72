// SPDX-License-Identifier: MIT

#include "sys/child_call.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "base/unique_fd.h"

// ThreadSanitizer lets no process be started.
#ifdef __SANITIZE_THREAD__
#define NEEDS_A_PROCESS() GTEST_SKIP()
#else
#define NEEDS_A_PROCESS() (void)0
#endif

namespace overpass::sys {
namespace {

bool has_children() { return ::waitpid(-1, nullptr, __WALL | WNOHANG) >= 0 || errno != ECHILD; }

TEST(ChildCall, IsMadeOnceByAnotherProcess) {
  NEEDS_A_PROCESS();
  pid_t process = 0;
  int count = 0;
  {
    ChildCall call([&]() -> Result<void> {
      process = ::getpid();
      ++count;
      return {};
    });
    EXPECT_TRUE(call.make());
  }
  EXPECT_EQ(count, 1);
  EXPECT_GT(process, 0);
  EXPECT_NE(process, ::getpid());
  EXPECT_FALSE(has_children());
}

TEST(ChildCall, SaysWhyItFailed) {
  ChildCall call([]() -> Result<void> { return fail(ENOSPC); });
  EXPECT_TRUE(call.make().failed_with(ENOSPC));
}

TEST(ChildCall, UsesTheDescriptorsOfThisProcess) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  ChildCall call([&]() -> Result<void> {
    if (::write(ends[1], "x", 1) != 1) return fail(EIO);
    return {};
  });
  EXPECT_TRUE(call.make());
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(ChildCall, EndsWhenItIsKilledAndNothingElseDoes) {
  NEEDS_A_PROCESS();
  std::atomic<bool> is_under_way = false;
  {
    ChildCall call([&]() -> Result<void> {
      is_under_way = true;
      // AddressSanitizer warns of a function without an end that runs on a stack it does not know.
      while (is_under_way) ::pause();
      return {};
    });
    std::jthread killer([&] {
      while (!is_under_way) std::this_thread::yield();
      call.kill();
    });
    EXPECT_TRUE(call.make().failed_with(EINTR));
  }
  EXPECT_FALSE(has_children());
}

TEST(ChildCall, IsNotReachedByAKillBeforeOrAfter) {
  ChildCall call([]() -> Result<void> { return {}; });
  call.kill();
  EXPECT_TRUE(call.make());
  call.kill();
}

TEST(ChildCall, LeavesTheSignalsOfItsThreadAsTheyWere) {
  sigset_t blocked, before, after;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  ChildCall call([]() -> Result<void> { return {}; });
  EXPECT_TRUE(call.make());
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, &after), 0);
  EXPECT_EQ(sigismember(&after, SIGUSR1), 1);
  EXPECT_EQ(sigismember(&after, SIGUSR2), sigismember(&before, SIGUSR2));
}

}  // namespace
}  // namespace overpass::sys
