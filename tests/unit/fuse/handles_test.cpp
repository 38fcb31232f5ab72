// SPDX-License-Identifier: MIT
//
// Objects that the kernel holds by a number.

#include "fuse/handles.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "../base/together.h"

namespace overpass::fuse {
namespace {

std::atomic<int> alive = 0;

struct Object : RingLink {
  explicit Object(int which) : number(which) { ++alive; }
  ~Object() { --alive; }
  int number;
};

TEST(Handles, GiveBackStoredObjects) {
  Handles<Object> handles;
  const uint64_t first = handles.add(std::make_unique<Object>(1));
  const uint64_t second = handles.add(std::make_unique<Object>(2));
  EXPECT_NE(first, second);
  EXPECT_EQ(handles.at(first)->number, 1);
  EXPECT_EQ(handles.take(second)->number, 2);
  EXPECT_EQ(handles.take(first)->number, 1);
  EXPECT_EQ(alive, 0);
}

TEST(Handles, OfARecordAreOtherNumbersEachTime) {
  Handles<Object> handles;
  ASSERT_TRUE(handles.expect_records(8));
  const uint64_t first = handles.add_recorded(7, 1, std::make_unique<Object>(1));
  EXPECT_EQ(handles.record_of(first), 7U);
  EXPECT_EQ(handles.take(first)->number, 1);
  EXPECT_EQ(handles.take(first), nullptr);
  const uint64_t second = handles.add_recorded(7, 0xffffffff, std::make_unique<Object>(2));
  EXPECT_NE(first, second);
  EXPECT_EQ(handles.record_of(second), 7U);
  // A RELEASE of the first that is sent once more.
  EXPECT_EQ(handles.take(first), nullptr);
  EXPECT_EQ(handles.take(second)->number, 2);
  EXPECT_EQ(alive, 0);
}

TEST(Handles, OwnUnreleasedObjectsUntilTheEnd) {
  {
    Handles<Object> handles;
    std::vector<uint64_t> numbers;
    for (int i = 0; i < 100; ++i) numbers.push_back(handles.add(std::make_unique<Object>(i)));
    for (size_t i = 0; i < numbers.size(); i += 2) (void)handles.take(numbers[i]);
    EXPECT_EQ(alive, 50);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Handles, AreSharedByThreads) {
  {
    Handles<Object> handles;
    auto work = [&] {
      std::vector<uint64_t> mine;
      for (int round = 0; round < 3000; ++round) {
        mine.push_back(handles.add(std::make_unique<Object>(round)));
        if (round % 3 == 0) continue;
        EXPECT_EQ(handles.take(mine.back())->number, round);
        mine.pop_back();
      }
      EXPECT_EQ(std::set<uint64_t>(mine.begin(), mine.end()).size(), 1000U);
    };
    unit::run_together({work, work, work});
    EXPECT_EQ(alive, 3000);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace overpass::fuse
