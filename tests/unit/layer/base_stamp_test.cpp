// SPDX-License-Identifier: MIT

#include "layer/base_stamp.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace overpass::unit {
namespace {

using layer::BaseStamp;
using layer::decode_stamps;
using layer::encode_stamp;

BaseStamp file_stamp() {
  return {.ino = 12,
          .size = 34,
          .mtime_seconds = -5,
          .ctime_seconds = 1'700'000'000,
          .mtime_nanoseconds = 999'999'999,
          .ctime_nanoseconds = 1,
          .mode = S_IFREG | 04755};
}

TEST(BaseStamp, IsReadAsItWasWritten) {
  const std::string text = encode_stamp(file_stamp(), "a/b\n \xff");
  const auto stamps = decode_stamps(text);
  ASSERT_EQ(stamps.size(), 1U);
  EXPECT_EQ(stamps.begin()->first, "a/b\n \xff");
  EXPECT_EQ(stamps.begin()->second, file_stamp());
}

TEST(BaseStamp, TheLastOneOfAPathCounts) {
  BaseStamp later = file_stamp();
  later.size = 35;
  const auto stamps = decode_stamps(encode_stamp(file_stamp(), "a") + encode_stamp(later, "a"));
  ASSERT_EQ(stamps.size(), 1U);
  EXPECT_EQ(stamps.at("a").size, 35U);
}

TEST(BaseStamp, ACutRecordIsPassedOverWithTheNextOne) {
  std::string text = encode_stamp(file_stamp(), "a");
  text += encode_stamp(file_stamp(), "cut").substr(0, 20);
  text += encode_stamp(file_stamp(), "lost");
  text += encode_stamp(file_stamp(), "b");
  text += encode_stamp(file_stamp(), "unfinished").substr(0, 40);
  const auto stamps = decode_stamps(text);
  EXPECT_EQ(stamps.size(), 2U);
  EXPECT_TRUE(stamps.contains("a"));
  EXPECT_TRUE(stamps.contains("b"));
}

TEST(BaseStamp, WhatHasGoneHasNoStampNorHasWhatWasBelow) {
  std::string text;
  for (const char* path : {"a", "a/b", "a/b/c", "a.b", "ab"}) {
    text += encode_stamp(file_stamp(), path);
  }
  text += encode_stamp({}, "a");
  auto stamps = decode_stamps(text);
  EXPECT_EQ(stamps.size(), 2U);
  EXPECT_TRUE(stamps.contains("a.b"));
  EXPECT_TRUE(stamps.contains("ab"));
  stamps = decode_stamps(text + encode_stamp(file_stamp(), "a/b"));
  EXPECT_EQ(stamps.size(), 3U);
  EXPECT_TRUE(stamps.contains("a/b"));
}

TEST(BaseStamp, ADirectoryIsTheSameWhateverItHolds) {
  BaseStamp before = file_stamp();
  before.mode = S_IFDIR | 0755;
  BaseStamp now = before;
  now.size = 4096;
  now.mtime_seconds = now.ctime_seconds = 9;
  EXPECT_TRUE(is_same(before, now));
  now.mode = S_IFDIR | 0700;
  EXPECT_FALSE(is_same(before, now));
  now.mode = before.mode;
  now.ino = 13;
  EXPECT_FALSE(is_same(before, now));
}

TEST(BaseStamp, AFileIsNotTheSameIfAnythingDiffers) {
  BaseStamp now = file_stamp();
  EXPECT_TRUE(is_same(file_stamp(), now));
  now.ctime_nanoseconds = 2;
  EXPECT_FALSE(is_same(file_stamp(), now));
}

}  // namespace
}  // namespace overpass::unit
