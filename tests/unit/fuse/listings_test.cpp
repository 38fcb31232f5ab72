// SPDX-License-Identifier: MIT
//
// Readings of directories that wait for being continued.

#include "fuse/listings.h"

#include <gtest/gtest.h>

#include <string>

#include "../overlay/union.h"

namespace overpass::fuse {
namespace {

using overlay::OpenDirectory;

/// Takes a number of entries and remembers where they end.
class Taker : public overlay::ListingSink {
 public:
  explicit Taker(size_t room) : room_(room) {}
  bool has_room(const char*) override { return taken < room_; }
  void add(const overlay::Listed& entry) override {
    ++taken;
    end = entry.next_offset;
  }

  size_t taken = 0;
  int64_t end = 0;

 private:
  const size_t room_;
};

class ListingsTest : public testing::Test {
 protected:
  ListingsTest() {
    for (const char* name : {"a", "b", "c"}) {
      for (int i = 0; i < 20; ++i) {
        u_.disk.write("lower1/" + std::string(name) + "/file" + std::to_string(i), "");
      }
    }
  }

  /// Begins to read a directory; what is returned stopped at `end`.
  std::unique_ptr<OpenDirectory> begin(const std::string& name, size_t count, int64_t& end) {
    auto listing = std::make_unique<OpenDirectory>(u_.at(name));
    Taker taker(count);
    EXPECT_TRUE(listing->read(u_.overlay(), 0, false, taker));
    end = taker.end;
    return listing;
  }

  /// Begins to read a directory and keeps that. Where it stopped.
  const OpenDirectory* keep(const std::string& name, size_t count, int64_t& end) {
    auto listing = begin(name, count, end);
    const OpenDirectory* address = listing.get();
    listings_.keep(std::move(listing));
    return address;
  }

  unit::Union u_;
  Listings listings_{3};
};

TEST_F(ListingsTest, ARequestAtTheStopContinuesTheReading) {
  int64_t end = 0;
  const OpenDirectory* kept = keep("a", 5, end);
  auto taken = listings_.take(u_.at("a"), end);
  EXPECT_EQ(taken.get(), kept);
  EXPECT_EQ(taken->position(), end);
  // It is taken: another request gets a reading of its own, which goes on there as well.
  auto other = listings_.take(u_.at("a"), end);
  EXPECT_NE(other.get(), kept);
  Taker rest(100);
  ASSERT_TRUE(other->read(u_.overlay(), end, false, rest));
  EXPECT_EQ(rest.taken, 20U + 2 - 5);
}

TEST_F(ListingsTest, OtherDirectoriesAndOffsetsHaveReadingsOfTheirOwn) {
  int64_t end = 0;
  int64_t later = 0;
  const OpenDirectory* kept = keep("a", 5, end);
  const OpenDirectory* further = keep("a", 9, later);
  EXPECT_NE(listings_.take(u_.at("b"), end).get(), kept);
  EXPECT_EQ(listings_.take(u_.at("a"), later).get(), further);
  EXPECT_EQ(listings_.take(u_.at("a"), end).get(), kept);
}

TEST_F(ListingsTest, FromTheBeginningAllChangesAreSeen) {
  int64_t end = 0;
  (void)keep("a", 0, end);  // Stopped at 0, for there was no room.
  u_.write("a/new", "");
  auto listing = listings_.take(u_.at("a"), 0);
  Taker all(100);
  ASSERT_TRUE(listing->read(u_.overlay(), 0, false, all));
  EXPECT_EQ(all.taken, 20U + 2 + 1);
}

TEST_F(ListingsTest, TheOldestArePushedOut) {
  int64_t ends[4] = {};
  const OpenDirectory* kept[4] = {};
  for (size_t i = 0; i < 4; ++i) kept[i] = keep("a", i + 2, ends[i]);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(listings_.take(u_.at("a"), ends[i]).get(), kept[i]);
  auto again = listings_.take(u_.at("a"), ends[0]);
  EXPECT_EQ(again->position(), 0);
  Taker rest(100);
  ASSERT_TRUE(again->read(u_.overlay(), ends[0], false, rest));
  EXPECT_EQ(rest.taken, 20U + 2 - 2);
}

TEST_F(ListingsTest, KeepsTheLastOfReadingsThatAreTooHeavy) {
  Listings light(10, 1);
  int64_t first_end = 0;
  int64_t end = 0;
  light.keep(begin("a", 3, first_end));
  auto last = begin("b", 3, end);
  const OpenDirectory* address = last.get();
  EXPECT_GT(address->weight(), 20 * sizeof("file1"));
  light.keep(std::move(last));
  EXPECT_EQ(light.take(u_.at("a"), first_end)->position(), 0);
  EXPECT_EQ(light.take(u_.at("b"), end).get(), address);
}

TEST_F(ListingsTest, ForgettingADirectoryEndsItsReadingsOnly) {
  int64_t end_a = 0;
  int64_t end_b = 0;
  (void)keep("a", 3, end_a);
  const OpenDirectory* kept = keep("b", 3, end_b);
  listings_.forget(u_.at("a")->id);
  listings_.forget(u_.at("c")->id);
  EXPECT_EQ(listings_.take(u_.at("a"), end_a)->position(), 0);
  EXPECT_EQ(listings_.take(u_.at("b"), end_b).get(), kept);
}

}  // namespace
}  // namespace overpass::fuse
