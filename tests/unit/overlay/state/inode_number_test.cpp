// SPDX-License-Identifier: MIT
//
// Numbers of the union: that no two files ever share one is tried with numbers chosen to collide.

#include "overlay/state/inode_number.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>
#include <vector>

namespace overpass::overlay {
namespace {

constexpr dev_t kFirst = 2049;
constexpr uint64_t kLarge = uint64_t{1} << 56;  // The first number that needs one of its own.

TEST(InodeNumber, OfTheFirstFileSystemIsItsOwn) {
  InodeNumbers numbers(kFirst, false);
  for (const uint64_t ino : {uint64_t{1}, uint64_t{2}, uint64_t{123456789}, kLarge - 1}) {
    EXPECT_EQ(numbers.number(kFirst, ino), ino);
  }
}

TEST(InodeNumber, OfOtherFileSystemsIsMarkedWithTheFileSystem) {
  InodeNumbers numbers(kFirst, false);
  EXPECT_NE(numbers.number(1, 42), 42U);
  EXPECT_NE(numbers.number(1, 42), numbers.number(2, 42));
}

TEST(InodeNumber, IsTheSameEachTimeWhateverIsAskedBetween) {
  InodeNumbers numbers(kFirst, false);
  const uint64_t ordinary = numbers.number(1, 42);
  const uint64_t large = numbers.number(1, kLarge + 1);
  for (dev_t device = 2; device < 300; ++device) (void)numbers.number(device, kLarge + device);
  EXPECT_EQ(numbers.number(1, 42), ordinary);
  EXPECT_EQ(numbers.number(1, kLarge + 1), large);
}

TEST(InodeNumber, IsNeverNothing) {
  InodeNumbers numbers(kFirst, false);
  for (const dev_t device : {kFirst, dev_t{0}, dev_t{1}, dev_t{5000}}) {
    for (const uint64_t ino : {uint64_t{1}, kLarge, ~uint64_t{0}}) {
      EXPECT_NE(numbers.number(device, ino), 0U);
    }
  }
}

constexpr uint64_t kBeyond32Bits = uint64_t{1} << 32;

/// Inode numbers that look like what is made for other file systems, and some by chance.
std::vector<uint64_t> unruly_numbers() {
  std::vector<uint64_t> inos;
  for (const uint64_t edge : {uint64_t{2}, kLarge, uint64_t{1} << 63, uint64_t{0xC0000000},
                              uint64_t{1} << 24, uint64_t{1} << 28, uint64_t{1} << 29,
                              uint64_t{1} << 30, uint64_t{1} << 31, kBeyond32Bits}) {
    for (const uint64_t ino : {edge - 2, edge - 1, edge, edge + 1}) inos.push_back(ino);
  }
  inos.push_back(~uint64_t{0});
  for (uint64_t i = 0; i < 200; ++i) inos.push_back(i << 56 | 7);
  for (uint64_t i = 0; i < 64; ++i) inos.push_back(0xC0000000 + (i << 24) + 7);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) inos.push_back(random() >> (random() % 64));
  return inos;
}

class AnnouncedFileSystems : public testing::TestWithParam<int> {};

TEST_P(AnnouncedFileSystems, NeverShareANumberWhateverTheyChose) {
  // More file systems than the upper bits can tell apart; most turn up when all is settled.
  InodeNumbers numbers(kFirst, false);
  for (int i = 0; i < GetParam(); ++i) numbers.announce(kFirst - 100 + static_cast<dev_t>(i));
  numbers.divide_short_numbers();
  std::map<uint64_t, std::pair<dev_t, uint64_t>> owners;
  const std::vector<uint64_t> inos = unruly_numbers();
  for (dev_t device = kFirst - 100; device < kFirst + 100; ++device) {
    for (const uint64_t ino : inos) {
      const std::pair<dev_t, uint64_t> file = {device, ino};
      const auto [owner, is_new] = owners.try_emplace(numbers.number(device, ino), file);
      ASSERT_TRUE(is_new || owner->second == file) << device << " " << ino;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, AnnouncedFileSystems,
                         testing::Values(0, 1, 2, 3, 4, 63, 64, 65, 99));

TEST(InodeNumber, IsShortWhereItFits) {
  for (const uint64_t others : {1, 2, 3, 8, 64}) {
    InodeNumbers numbers(kFirst, false);
    for (uint64_t i = 1; i <= others; ++i) numbers.announce(kFirst + i);
    numbers.divide_short_numbers();
    for (uint64_t i = 1; i <= others; ++i) {
      for (const uint64_t ino : {uint64_t{1}, uint64_t{1000}, (uint64_t{1} << 24) - 1}) {
        EXPECT_LT(numbers.number(kFirst + i, ino), kBeyond32Bits) << others << " " << i;
      }
      EXPECT_GE(numbers.number(kFirst + i, uint64_t{1} << 31), kBeyond32Bits);
    }
    EXPECT_EQ(numbers.number(kFirst, 0xBFFFFFFF), 0xBFFFFFFFU) << "below, all is the first's";
    EXPECT_EQ(numbers.number(kFirst, kBeyond32Bits), kBeyond32Bits) << "and above";
  }
}

TEST(InodeNumber, IsItsOwnWhereAllIsOnOneFileSystem) {
  InodeNumbers numbers(kFirst, false);
  numbers.announce(kFirst);
  numbers.divide_short_numbers();
  for (const uint64_t ino : {uint64_t{0xC0000000}, uint64_t{0xFFFFFFFF}, kBeyond32Bits}) {
    EXPECT_EQ(numbers.number(kFirst, ino), ino);
  }
}

TEST(InodeNumber, IsTheSameInEveryMountOfAnnouncedFileSystems) {
  InodeNumbers numbers(kFirst, false);
  InodeNumbers again(kFirst, false);
  for (InodeNumbers* mount : {&numbers, &again}) {
    for (const dev_t device : {dev_t{7}, kFirst, dev_t{3}, dev_t{7}}) mount->announce(device);
    mount->divide_short_numbers();
  }
  (void)again.number(3, 1);
  for (const dev_t device : {kFirst, dev_t{7}, dev_t{3}}) {
    for (const uint64_t ino : {uint64_t{42}, kLarge + 5}) {
      EXPECT_EQ(numbers.number(device, ino), again.number(device, ino));
    }
  }
  EXPECT_EQ(numbers.number(kFirst, 42), 42U);
}

TEST(InodeNumber, IsTheSameInAllThreads) {
  InodeNumbers numbers(kFirst, false);
  std::vector<std::vector<uint64_t>> seen(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : seen) {
      threads.emplace_back([&] {
        for (uint64_t i = 0; i < 5000; ++i) {
          mine.push_back(numbers.number(i % 150, i % 3 == 0 ? ~i : i));
        }
      });
    }
  }
  for (const auto& others : seen) EXPECT_EQ(others, seen[0]);
}

}  // namespace
}  // namespace overpass::overlay
