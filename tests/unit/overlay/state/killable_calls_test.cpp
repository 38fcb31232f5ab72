// SPDX-License-Identifier: MIT

#include "overlay/state/killable_calls.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "../../sys/ended_child.h"

namespace overpass::overlay {
namespace {

using unit::EndedChild;

/// A call that goes on until it is let go, made by a thread of its own.
class Made {
 public:
  Made(KillableCalls& calls, pid_t caller)
      : thread_([this, &calls, caller] { result_ = calls.make(caller, call_); }) {
    while (!is_under_way_) std::this_thread::yield();
  }

  void let_go() { may_end_ = true; }
  Result<void> result() {
    thread_.join();
    return result_;
  }

 private:
  std::atomic<bool> is_under_way_ = false;
  std::atomic<bool> may_end_ = false;
  Result<void> result_;
  sys::ChildCall call_{[this]() -> Result<void> {
    is_under_way_ = true;
    while (!may_end_) ::usleep(100);
    return {};
  }};
  std::thread thread_;
};

TEST(KillableCalls, HaveNothingToAttendToWhenNoneIsUnderWay) {
  KillableCalls calls;
  EXPECT_FALSE(calls.attend());
  sys::ChildCall call([]() -> Result<void> { return fail(ENOSPC); });
  EXPECT_TRUE(calls.make(::gettid(), call).failed_with(ENOSPC));
  EXPECT_FALSE(calls.attend());
}

TEST(KillableCalls, SayWhenOneBegins) {
  KillableCalls calls;
  int begun = 0;
  calls.when_begun([&] {
    ++begun;
    EXPECT_TRUE(calls.attend());
  });
  sys::ChildCall call([]() -> Result<void> { return {}; });
  EXPECT_TRUE(calls.make(::gettid(), call));
  EXPECT_EQ(begun, 1);
}

TEST(KillableCalls, EndWithTheirCallersAndNoOthersDo) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "it lets no process be started";
#endif
  KillableCalls calls;
  const EndedChild killed;
  Made of_living(calls, ::getpid());
  Made of_killed(calls, killed.pid());
  Made of_unknown(calls, 0);
  EXPECT_TRUE(calls.attend());
  EXPECT_TRUE(of_killed.result().failed_with(EINTR));
  EXPECT_TRUE(calls.attend());
  of_living.let_go();
  of_unknown.let_go();
  EXPECT_TRUE(of_living.result());
  EXPECT_TRUE(of_unknown.result());
  EXPECT_FALSE(calls.attend());
}

}  // namespace
}  // namespace overpass::overlay
