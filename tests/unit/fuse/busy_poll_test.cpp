// SPDX-License-Identifier: MIT
//
// With a clock that the test moves.

#include "fuse/busy_poll.h"

#include <gtest/gtest.h>

namespace overpass::fuse {
namespace {

using namespace std::chrono_literals;

class BusyPollTest : public testing::Test {
 protected:
  /// One look, if it is worthwhile, with a request `after` from its beginning on. Each yield takes
  /// `yield_time`. Whether it looked.
  bool look(std::chrono::microseconds after, std::chrono::microseconds yield_time = 1us) {
    if (!poll.is_worthwhile()) return false;
    const auto begin = now;
    poll.look([&] { return now - begin >= after; }, [&] { return now; },
              [&] { now += yield_time; });
    spent = std::chrono::duration_cast<std::chrono::microseconds>(now - begin);
    return true;
  }
  /// How many of `requests` it looks for.
  int looks(int requests, std::chrono::microseconds after,
            std::chrono::microseconds yield_time = 1us) {
    int count = 0;
    for (int i = 0; i < requests; ++i) count += look(after, yield_time) ? 1 : 0;
    return count;
  }

  BusyPoll poll{50us};
  BusyPoll::Clock::time_point now;
  std::chrono::microseconds spent{0};
};

TEST_F(BusyPollTest, LooksUntilARequestIsThere) {
  EXPECT_TRUE(look(0us));
  EXPECT_EQ(spent, 0us);
  EXPECT_TRUE(look(30us));
  EXPECT_EQ(spent, 30us);
}

TEST_F(BusyPollTest, GivesUpAfterItsTime) {
  EXPECT_TRUE(look(1000us));
  EXPECT_EQ(spent, 50us);
}

TEST_F(BusyPollTest, NeverLooksIfItsTimeIsZero) {
  BusyPoll off{0us};
  EXPECT_FALSE(off.is_worthwhile());
}

TEST_F(BusyPollTest, GoesOnAsLongAsItPaysOff) { EXPECT_EQ(looks(10'000, 20us), 10'000); }

TEST_F(BusyPollTest, StopsWhenItDoesNotPayOffAndTriesNowAndThen) {
  EXPECT_LE(looks(100, 1000us), 20);
  EXPECT_LE(looks(6400, 1000us), 100);
  EXPECT_GE(looks(6400, 1000us), 100);
}

TEST_F(BusyPollTest, BeginsAgainWhenATryPaysOff) {
  looks(1000, 1000us);
  looks(64, 10us);
  EXPECT_EQ(looks(100, 10us), 100);
}

TEST_F(BusyPollTest, StopsAtOnceAndLongerEachTimeWhileOthersWantTheProcessor) {
  EXPECT_TRUE(look(1h, 3000us));
  EXPECT_EQ(spent, 3000us);
  EXPECT_EQ(looks(256, 1h, 3000us), 0);
  EXPECT_TRUE(look(1h, 3000us));
  EXPECT_EQ(looks(512, 1h, 3000us), 0);
  EXPECT_EQ(looks(100'000, 1h, 3000us), 7);
}

TEST_F(BusyPollTest, TakesACallerThatRanOnItsProcessorForNoOther) {
  EXPECT_EQ(looks(1000, 100us, 3000us), 1000);
}

}  // namespace
}  // namespace overpass::fuse
