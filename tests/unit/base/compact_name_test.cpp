// SPDX-License-Identifier: MIT
//
// Names of every length, in their own bytes and elsewhere.

#include "base/compact_name.h"

#include <gtest/gtest.h>

#include <string>

namespace overpass {
namespace {

std::string name_of(size_t length) {
  std::string name;
  for (size_t i = 0; i < length; ++i) name += static_cast<char>(i % 255 + 1);
  return name;
}

TEST(CompactName, HoldsNamesOfEveryLength) {
  for (size_t length = 0; length <= 300; ++length) {
    const std::string expected = name_of(length);
    const CompactName name{std::string_view(expected)};
    ASSERT_EQ(name.size(), length);
    ASSERT_EQ(name.text(), expected);
    ASSERT_EQ(std::string(name.c_str()), expected);
    ASSERT_TRUE(name == std::string_view(expected));
    ASSERT_FALSE(name == std::string_view(expected + "x"));
  }
}

TEST(CompactName, IsEmptyAtFirst) {
  const CompactName name;
  EXPECT_EQ(name.size(), 0U);
  EXPECT_STREQ(name.c_str(), "");
}

TEST(CompactName, IsCopiedAndMoved) {
  for (const size_t from : {0, 5, 22, 23, 24, 255}) {
    for (const size_t to : {0, 5, 22, 23, 24, 255}) {
      const CompactName original{std::string_view(name_of(from))};
      CompactName copy{std::string_view(name_of(to))};
      copy = original;
      EXPECT_TRUE(copy == original);
      CompactName moved{std::string_view(name_of(to))};
      moved = std::move(copy);
      EXPECT_TRUE(moved == original);
      const CompactName made(std::move(moved));
      EXPECT_TRUE(made == original);
      EXPECT_EQ(original.text(), name_of(from));
    }
  }
}

TEST(CompactName, TakesAPartOfItself) {
  CompactName name{std::string_view(name_of(100))};
  name = std::string_view(name).substr(1, 30);
  EXPECT_EQ(name.text(), name_of(100).substr(1, 30));
  name = std::string_view(name).substr(0, 3);
  EXPECT_EQ(name.text(), name_of(100).substr(1, 3));
}

}  // namespace
}  // namespace overpass
