// SPDX-License-Identifier: MIT
//
// The forms of the metacopy mark, whole and broken.

#include "layer/metacopy_mark.h"

#include <gtest/gtest.h>

namespace overpass::layer {
namespace {

using namespace std::string_literals;

const std::string kSha256 = std::string(32, '\x5a');

TEST(MetacopyMark, IsEmptyOrHasAHeader) {
  EXPECT_TRUE(may_be_metacopy(0));
  for (const size_t size : {1, 2, 3}) EXPECT_FALSE(may_be_metacopy(size)) << size;
  EXPECT_TRUE(may_be_metacopy(4));
  EXPECT_TRUE(may_be_metacopy(1000));
}

TEST(MetacopyMark, IsEmptyWithoutADigest) {
  EXPECT_EQ(encode_metacopy({}), "");
  const auto mark = decode_metacopy("");
  ASSERT_TRUE(mark);
  EXPECT_FALSE(mark->has_digest());
}

TEST(MetacopyMark, CarriesADigest) {
  const std::string value = "\0\x24\0\1"s + kSha256;
  EXPECT_EQ(encode_metacopy({1, kSha256}), value);
  const auto mark = decode_metacopy(value);
  ASSERT_TRUE(mark);
  EXPECT_EQ(*mark, (MetacopyMark{1, kSha256}));
}

TEST(MetacopyMark, HasNoDigestWithoutAnAlgorithm) {
  EXPECT_EQ(decode_metacopy("\0\4\0\0"s), MetacopyMark{});
  EXPECT_EQ(decode_metacopy("\0\x24\0\0"s + kSha256), MetacopyMark{});
}

TEST(MetacopyMark, TakesFlagsThatNobodyDefinedYet) {
  EXPECT_EQ(decode_metacopy("\0\x24\x80\1"s + kSha256), (MetacopyMark{1, kSha256}));
}

TEST(MetacopyMark, RefusesWhatIsCutShortOrTooLong) {
  EXPECT_FALSE(decode_metacopy("\0"s));
  EXPECT_FALSE(decode_metacopy("\0\3\0"s));
  EXPECT_FALSE(decode_metacopy("\0\x24\0\1"s + kSha256.substr(1)));
  EXPECT_FALSE(decode_metacopy("\0\x24\0\1"s + kSha256 + "x"));
  const std::string longest = "\0\x44\0\2"s + std::string(64, 'd');
  EXPECT_TRUE(decode_metacopy(longest));
  EXPECT_FALSE(decode_metacopy("\0\x45\0\2"s + std::string(65, 'd')));
}

TEST(MetacopyMark, RefusesAnotherVersion) { EXPECT_FALSE(decode_metacopy("\1\4\0\0"s)); }

TEST(MetacopyMark, IsReadAsItWasWritten) {
  const MetacopyMark mark{2, std::string(64, '\xff')};
  EXPECT_EQ(decode_metacopy(encode_metacopy(mark)), mark);
}

}  // namespace
}  // namespace overpass::layer
