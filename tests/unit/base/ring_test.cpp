// SPDX-License-Identifier: MIT
//
// Rings of links, and that an object is never in two of them.

#include "base/ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace overpass {
namespace {

struct Item : RingLink {
  explicit Item(int which) : number(which) {}
  int number;
};

std::vector<int> numbers_in(const RingLink& ring) {
  std::vector<int> numbers;
  for (const RingLink* at = &ring.next(); at != &ring; at = &at->next()) {
    numbers.push_back(static_cast<const Item*>(at)->number);
  }
  return numbers;
}

TEST(Ring, IsEmptyAtFirst) {
  const RingLink ring;
  EXPECT_TRUE(ring.is_alone());
  EXPECT_TRUE(numbers_in(ring).empty());
}

TEST(Ring, KeepsItsObjectsInTheOrderInWhichTheyJoined) {
  RingLink ring;
  Item a(1), b(2), c(3);
  for (Item* item : {&a, &b, &c}) item->join(ring);
  EXPECT_EQ(numbers_in(ring), (std::vector<int>{1, 2, 3}));
}

TEST(Ring, LosesElementsThatLeaveFromAnyPlace) {
  RingLink ring;
  Item a(1), b(2), c(3);
  for (Item* item : {&a, &b, &c}) item->join(ring);
  b.leave();
  EXPECT_TRUE(b.is_alone());
  EXPECT_EQ(numbers_in(ring), (std::vector<int>{1, 3}));
  a.leave();
  c.leave();
  EXPECT_TRUE(ring.is_alone());
  b.join(ring);
  EXPECT_EQ(numbers_in(ring), std::vector<int>{2});
}

TEST(Ring, LosesDestroyedElements) {
  RingLink ring;
  Item a(1);
  a.join(ring);
  {
    Item b(2);
    b.join(ring);
  }
  EXPECT_EQ(numbers_in(ring), std::vector<int>{1});
}

TEST(Ring, LeavesItsObjectsToThemselvesAtItsEnd) {
  Item a(1), b(2);
  {
    RingLink ring;
    a.join(ring);
    b.join(ring);
  }
  a.leave();
  EXPECT_TRUE(a.is_alone());
  EXPECT_TRUE(b.is_alone());
}

}  // namespace
}  // namespace overpass
