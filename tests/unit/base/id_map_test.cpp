// SPDX-License-Identifier: MIT
//
// fuse-overlayfs's texts, and both directions of a map.

#include "base/id_map.h"

#include <gtest/gtest.h>

namespace overpass {
namespace {

TEST(IdMap, WithoutRangesLeavesIdsAlone) {
  const IdMap map;
  EXPECT_TRUE(map.is_identity());
  EXPECT_EQ(map.shown(1234), 1234U);
  EXPECT_EQ(map.on_disk(1234), 1234U);
}

TEST(IdMap, ShowsFirstNumbersAsSecondOnes) {
  const auto map = IdMap::parse("0:100000:10");
  ASSERT_TRUE(map);
  EXPECT_FALSE(map->is_identity());
  EXPECT_EQ(map->shown(0), 100000U);
  EXPECT_EQ(map->shown(9), 100009U);
  EXPECT_EQ(map->on_disk(100009), 9U);
}

TEST(IdMap, HasTheTextThatItWasMadeOf) {
  EXPECT_EQ(IdMap().text(), "");
  EXPECT_EQ(IdMap::parse(":0:1000:1:1:100000:65536")->text(), "0:1000:1:1:100000:65536");
}

TEST(IdMap, HasNothingOutsideOfItsRanges) {
  const auto map = IdMap::parse("5:100:10");
  ASSERT_TRUE(map);
  for (const uint32_t disk : {0U, 4U, 15U, 100U}) EXPECT_EQ(map->shown(disk), IdMap::kOverflow);
  for (const uint32_t shown : {0U, 5U, 99U, 110U, 65534U}) {
    EXPECT_FALSE(map->on_disk(shown)) << shown;
  }
}

TEST(IdMap, MayHaveSeveralRanges) {
  const auto map = IdMap::parse("0:1000:1:1:100000:65535:70000:5:3");
  ASSERT_TRUE(map);
  EXPECT_EQ(map->shown(0), 1000U);
  EXPECT_EQ(map->shown(1), 100000U);
  EXPECT_EQ(map->shown(70002), 7U);
  EXPECT_EQ(map->shown(70003), IdMap::kOverflow);
  EXPECT_EQ(map->on_disk(165534), 65535U);
}

TEST(IdMap, IsReadAsPodmanWritesIt) {
  const auto map = IdMap::parse(":0:1:12345:12345:0:1:12346:12346:53191");
  ASSERT_TRUE(map);
  EXPECT_EQ(map->shown(0), 1U);
  EXPECT_EQ(map->shown(12345), 0U);
  EXPECT_EQ(map->on_disk(12346), 12346U);
}

TEST(IdMap, ReachesTheLastId) {
  const auto map = IdMap::parse("4294967294:0:1");
  ASSERT_TRUE(map);
  EXPECT_EQ(map->shown(4294967294U), 0U);
  EXPECT_EQ(map->on_disk(0), 4294967294U);
}

class BadIdMap : public testing::TestWithParam<const char*> {};

TEST_P(BadIdMap, IsRefused) { EXPECT_FALSE(IdMap::parse(GetParam())); }

INSTANTIATE_TEST_SUITE_P(Texts, BadIdMap,
                         testing::Values("", ":", "0", "0:1", "0:0:0", "a:0:1", "0:0:1:", "::0:0:1",
                                         "0:0:1:5", "0::1", "0:0:-1", "+0:0:1", " 0:0:1", "0:0:1 ",
                                         "0x1:0:1", "4294967295:0:1", "0:4294967295:1",
                                         "0:1:4294967295", "4294967296:0:1",
                                         // Two ranges that meet, on either side.
                                         "0:0:10:9:100:1", "0:0:10:100:9:1", "5:0:1:0:100:10"));

}  // namespace
}  // namespace overpass
