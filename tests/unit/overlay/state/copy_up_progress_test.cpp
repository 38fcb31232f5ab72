// SPDX-License-Identifier: MIT
//
// What ends a copy, which threads wait for it, and what the waiters learn.

#include "overlay/state/copy_up_progress.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "../../sys/ended_child.h"
#include "../../sys/scratch.h"

namespace overpass::overlay {
namespace {

using unit::EndedChild;
using unit::error_of;

constexpr off_t kFar = off_t{8} << 20;

/// Waits until `count` do.
void wait_for_waiters(const CopyUnderWay& copy, int count) {
  while (copy.waiters() != count) std::this_thread::yield();
}

TEST(CopyUnderWay, GoesOnWhileItsCallerLives) {
  CopyUnderWay copy({}, {.thread = ::gettid()});
  copy.begin(4 * kFar);
  EXPECT_EQ(error_of(copy.reached(kFar)), 0);
  EXPECT_EQ(error_of(copy.reached(2 * kFar)), 0);
  EXPECT_EQ(copy.done(), 2 * kFar);
  EXPECT_EQ(copy.total(), 4 * kFar);
  copy.finish({});
}

TEST(CopyUnderWay, GoesOnForAnUnseenCaller) {
  CopyUnderWay copy({}, {});
  copy.begin(4 * kFar);
  EXPECT_EQ(error_of(copy.reached(kFar)), 0);
  copy.finish({});
}

TEST(CopyUnderWay, EndsWhenItsCallerIsKilled) {
  const EndedChild child;
  CopyUnderWay copy({}, {.thread = child.pid()});
  copy.begin(4 * kFar);
  EXPECT_EQ(error_of(copy.reached(kFar)), EINTR);
  copy.finish(fail(EINTR));
  EXPECT_EQ(error_of(copy.wait(0)), 0) << "a waiter that came too late must copy itself";
}

TEST(CopyUnderWay, GoesOnForWaitersWhenItsCallerIsKilled) {
  const EndedChild child;
  CopyUnderWay copy({}, {.thread = child.pid()});
  copy.begin(4 * kFar);
  {
    std::jthread other([&] { EXPECT_EQ(error_of(copy.wait(::gettid())), ENOSPC); });
    wait_for_waiters(copy, 1);
    EXPECT_EQ(error_of(copy.reached(kFar)), 0);
    copy.finish(fail(ENOSPC));
  }
  EXPECT_EQ(copy.waiters(), 0);
}

TEST(CopyUnderWay, ReleasesAKilledWaiter) {
  const EndedChild child;
  CopyUnderWay copy({}, {.thread = child.pid()});
  copy.begin(4 * kFar);
  EXPECT_EQ(error_of(copy.wait(child.pid())), EINTR);
  EXPECT_EQ(copy.waiters(), 0);
  EXPECT_EQ(error_of(copy.reached(kFar)), EINTR);
  copy.finish(fail(EINTR));
}

TEST(CopyUnderWay, ShowsItsLastStateWhileItIsVerified) {
  CopyUnderWay copy({}, {});
  copy.begin(2 * kFar);
  EXPECT_STREQ(word_of(copy.phase()), "copying");
  EXPECT_EQ(error_of(copy.reached(2 * kFar)), 0);
  copy.enter(CopyPhase::Verifying);
  EXPECT_EQ(error_of(copy.reached(kFar)), 0);
  EXPECT_EQ(copy.done(), 2 * kFar);
  EXPECT_STREQ(word_of(copy.phase()), "verifying");
  copy.finish({});
}

}  // namespace
}  // namespace overpass::overlay
