// SPDX-License-Identifier: MIT
//
// The forms of the metacopy mark, whole and broken.
//
// The link count mark: text, and what it counts.
//
// The letters of the protection mark.
//
// Which redirects are taken, and that everything else is refused.

#include "layer/mark_values.h"

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

TEST(MetacopyMark, TakesUndefinedFlags) {
  EXPECT_EQ(decode_metacopy("\0\x24\x80\1"s + kSha256), (MetacopyMark{1, kSha256}));
}

TEST(MetacopyMark, RefusesShortAndLongValues) {
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

namespace {

using namespace std::string_literals;
using Base = NlinkMark::Base;

TEST(NlinkMark, HasABaseAndASignedDifference) {
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

namespace {

TEST(ProtectionMark, HasALetterForEachFlag) {
  EXPECT_EQ(decode_protattr("a"), (ProtectionMark{true, false}));
  EXPECT_EQ(decode_protattr("i"), (ProtectionMark{false, true}));
  EXPECT_EQ(decode_protattr("ai"), (ProtectionMark{true, true}));
  EXPECT_EQ(decode_protattr("ia"), (ProtectionMark{true, true}));
}

TEST(ProtectionMark, IsWrittenAsTheKernelWritesIt) {
  EXPECT_EQ(encode_protattr({true, false}), "a");
  EXPECT_EQ(encode_protattr({false, true}), "i");
  EXPECT_EQ(encode_protattr({true, true}), "ai");
  EXPECT_EQ(encode_protattr({}), "");
}

TEST(ProtectionMark, RefusesOtherLettersAndEndlessOnes) {
  for (const std::string& value : {std::string(), std::string("x"), std::string("ax"),
                                   std::string("a\0", 2), std::string(33, 'a')}) {
    EXPECT_FALSE(decode_protattr(value)) << testing::PrintToString(value);
  }
}

}  // namespace

namespace {

using namespace std::string_literals;

TEST(Redirect, TakesOneNameOfTheSameParent) {
  const auto redirect = decode_redirect("old name");
  ASSERT_TRUE(redirect);
  EXPECT_EQ(redirect->path, "old name");
  EXPECT_FALSE(redirect->is_absolute());
}

TEST(Redirect, TakesAPathFromTheRoot) {
  const auto redirect = decode_redirect("/a/..b/c.");
  ASSERT_TRUE(redirect);
  EXPECT_EQ(redirect->path, "/a/..b/c.");
  EXPECT_TRUE(redirect->is_absolute());
}

TEST(Redirect, IsNeitherEmptyNorAWayOut) {
  for (const std::string& value :
       {""s, "/"s, "//"s, "/a/"s, "//a"s, "/a//b"s, "."s, ".."s, "/."s, "/.."s, "/../etc"s,
        "/a/../../etc"s, "/a/."s, "a/b"s, "../a"s, "a/"s, "a\0b"s, "/a/b\0"s, "\0"s}) {
    EXPECT_FALSE(decode_redirect(value)) << testing::PrintToString(value);
  }
}

TEST(Redirect, TakesNamesAndPathsOfTheLengthsThatFileSystemsTake) {
  EXPECT_TRUE(decode_redirect(std::string(255, 'n')));
  EXPECT_FALSE(decode_redirect(std::string(256, 'n')));
  EXPECT_TRUE(decode_redirect("/" + std::string(255, 'n') + "/x"));
  EXPECT_FALSE(decode_redirect("/" + std::string(256, 'n') + "/x"));
  std::string path;
  while (path.size() + 3 <= kLongestRedirect) path += "/ab";
  EXPECT_EQ(path.size(), kLongestRedirect);
  EXPECT_TRUE(decode_redirect(path));
  EXPECT_FALSE(decode_redirect(path + "c"));
}

}  // namespace

}  // namespace overpass::layer
