// SPDX-License-Identifier: MIT
//
// The link count mark: text, and what it counts.

#include "layer/nlink_mark.h"

#include <gtest/gtest.h>

namespace overpass::layer {
namespace {

using namespace std::string_literals;
using Base = NlinkMark::Base;

TEST(NlinkMark, SaysBySignWhatToAdd) {
  EXPECT_EQ(decode_nlink("U+0"), (NlinkMark{Base::Upper, 0}));
  EXPECT_EQ(decode_nlink("U-1"), (NlinkMark{Base::Upper, -1}));
  EXPECT_EQ(decode_nlink("L+12"), (NlinkMark{Base::Lower, 12}));
  EXPECT_EQ(decode_nlink("U-2147483648"), (NlinkMark{Base::Upper, INT32_MIN}));
}

TEST(NlinkMark, IsReadAsItWasWritten) {
  for (const int32_t difference : {0, 1, -1, 65000, INT32_MAX, INT32_MIN}) {
    for (const Base base : {Base::Upper, Base::Lower}) {
      const NlinkMark mark{base, difference};
      EXPECT_EQ(decode_nlink(encode_nlink(mark)), mark) << encode_nlink(mark);
    }
  }
  EXPECT_EQ(encode_nlink({Base::Upper, 0}), "U+0");
  EXPECT_EQ(encode_nlink({Base::Lower, -3}), "L-3");
}

TEST(NlinkMark, RefusesEverythingElse) {
  for (const std::string& value :
       {""s,      "U"s,    "U+"s,    "U1"s,           "+1"s,           "X+1"s,          "u+1"s,
        "U +1"s,  "U+1 "s, "U++1"s,  "U+-1"s,         "U-+1"s,         "U--1"s,         "U+1x"s,
        "U+0x1"s, "U+\0"s, "U+1\0"s, "U+2147483648"s, "U-2147483649"s, "U+00000000001"s}) {
    EXPECT_FALSE(decode_nlink(value)) << testing::PrintToString(value);
  }
}

TEST(NlinkMark, CountsFromTheFileItNames) {
  EXPECT_EQ(union_nlink({Base::Upper, 1}, 3, 100), 4U);
  EXPECT_EQ(union_nlink({Base::Lower, -2}, 100, 3), 1U);
  EXPECT_EQ(union_nlink({Base::Lower, -3}, 100, 3), 0U);
}

TEST(NlinkMark, CountsNothingImpossible) {
  EXPECT_FALSE(union_nlink({Base::Upper, -4}, 3, 100));
  EXPECT_FALSE(union_nlink({Base::Upper, INT32_MAX}, 1, 1));
  EXPECT_FALSE(union_nlink({Base::Lower, INT32_MIN}, 1, 5));
  EXPECT_FALSE(union_nlink({Base::Upper, 0}, UINT32_MAX, 1));
}

}  // namespace
}  // namespace overpass::layer
