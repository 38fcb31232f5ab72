// SPDX-License-Identifier: MIT

#include "overlay/state/removals.h"

#include <gtest/gtest.h>

#include <thread>

namespace overpass::overlay {
namespace {

using Paths = std::vector<std::string>;

TEST(Removals, TellsWhatHasGoneSinceTheLastAnswer) {
  Removals removals;
  const uint64_t first = removals.since(0).next;
  removals.add("a");
  const Removals::Since one = removals.since(first);
  EXPECT_TRUE(one.is_whole);
  EXPECT_EQ(one.paths, Paths({"a"}));
  removals.add("d/b");
  EXPECT_EQ(removals.since(one.next).paths, Paths({"d/b"}));
  EXPECT_EQ(removals.since(first).paths, Paths({"a", "d/b"}));
  const Removals::Since all = removals.since(first);
  EXPECT_EQ(removals.since(all.next).paths, Paths());
  EXPECT_TRUE(removals.since(all.next).is_whole);
}

TEST(Removals, AreWantedOnceSomebodyHasAsked) {
  Removals removals;
  EXPECT_FALSE(removals.are_wanted());
  (void)removals.since(0);
  EXPECT_TRUE(removals.are_wanted());
}

TEST(Removals, AreNotWholeForNumbersThatNoAnswerHad) {
  Removals removals;
  const uint64_t next = removals.since(0).next;
  EXPECT_FALSE(removals.since(0).is_whole);
  EXPECT_TRUE(removals.since(next).is_whole);
  EXPECT_FALSE(removals.since(next + 1).is_whole);
  EXPECT_FALSE(removals.since(UINT64_MAX).is_whole);
}

TEST(Removals, OfEverythingLeaveNoEarlierAnswerWhole) {
  Removals removals;
  const uint64_t first = removals.since(0).next;
  removals.add("a");
  const uint64_t second = removals.since(first).next;
  removals.add_all();
  EXPECT_FALSE(removals.since(first).is_whole);
  EXPECT_FALSE(removals.since(second).is_whole);
  const uint64_t third = removals.since(second).next;
  removals.add("b");
  EXPECT_EQ(removals.since(third).paths, Paths({"b"}));
  EXPECT_TRUE(removals.since(third).is_whole);
}

TEST(Removals, OfEverythingCountWhereNothingElseIsRecorded) {
  Removals removals;
  const uint64_t first = removals.since(0).next;
  removals.add_all();
  EXPECT_FALSE(removals.since(first).is_whole);
}

TEST(Removals, ForgetTheOldestAndSaySo) {
  Removals removals;
  const uint64_t first = removals.since(0).next;
  const std::string path(99, 'x');
  for (size_t i = 0; i < Removals::kMostBytes / 100; ++i) removals.add(path);
  EXPECT_TRUE(removals.since(first).is_whole);
  removals.add(path);
  EXPECT_FALSE(removals.since(first).is_whole);
  EXPECT_TRUE(removals.since(first + 1).is_whole);
  EXPECT_EQ(removals.since(first + 1).paths.size(), Removals::kMostBytes / 100);
}

TEST(Removals, TakeAPathThatIsTooLongForEverything) {
  Removals removals;
  const uint64_t first = removals.since(0).next;
  removals.add(std::string(Removals::kMostBytes, 'x'));
  EXPECT_FALSE(removals.since(first).is_whole);
  EXPECT_TRUE(removals.since(removals.since(0).next).is_whole);
}

TEST(Removals, OfTwoMountsAreToldApart) {
  Removals one;
  Removals other;
  EXPECT_NE(one.since(0).mount, other.since(0).mount);
  EXPECT_NE(one.since(0).mount, 0U);
  EXPECT_EQ(one.since(0).mount, one.since(7).mount);
}

TEST(Removals, OfSeveralThreadsAreAllTold) {
  Removals removals;
  const uint64_t first = removals.since(0).next;
  constexpr size_t kEach = 500;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&removals] {
      for (size_t i = 0; i < kEach; ++i) removals.add("x");
    });
  }
  size_t told = 0;
  uint64_t next = first;
  while (told < 4 * kEach) {
    const Removals::Since since = removals.since(next);
    ASSERT_TRUE(since.is_whole);
    ASSERT_EQ(since.next, next + since.paths.size());
    told += since.paths.size();
    next = since.next;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, 4 * kEach);
}

}  // namespace
}  // namespace overpass::overlay
