// SPDX-License-Identifier: MIT
//
// Names of index entries and the origin marks behind them.

#include "layer/index_name.h"

#include <gtest/gtest.h>

#include <bit>

namespace overpass::layer {
namespace {

using namespace std::string_literals;

/// An origin mark with a handle of `handle_size` bytes, as this machine writes it.
std::string origin_with(size_t handle_size) {
  std::string value = "\0\xfb"s;
  value += static_cast<char>(21 + handle_size);
  value += std::endian::native == std::endian::big ? '\1' : '\0';
  value += '\1';
  return value + std::string(16, '\xab') + std::string(handle_size, '\x0f');
}

TEST(IndexName, IsTheOriginInLowerCaseHexadecimal) {
  const auto name = index_name_of("\0\xfb\x1d\x7e"s);
  ASSERT_TRUE(name);
  EXPECT_EQ(*name, "00fb1d7e");
}

TEST(IndexName, LeadsBackToItsOrigin) {
  for (const size_t size : {size_t{1}, size_t{8}, size_t{106}}) {
    const auto name = index_name_of(origin_with(size));
    ASSERT_TRUE(name);
    EXPECT_EQ(origin_of_index_name(*name), origin_with(size));
  }
}

TEST(IndexName, IsNotMadeOfAnUnknownOrigin) { EXPECT_FALSE(index_name_of("")); }

TEST(IndexName, IsNoLongerThanNamesAre) {
  EXPECT_TRUE(index_name_of(std::string(127, 'x')));
  EXPECT_FALSE(index_name_of(std::string(128, 'x')));
}

TEST(IndexName, IsNothingElse) {
  const std::string name = *index_name_of(origin_with(8));
  std::string upper_case = name;
  for (char& c : upper_case) c = static_cast<char>(std::toupper(c));
  for (const std::string& wrong :
       {""s, "#1"s, "work"s, name.substr(1), name.substr(2), name + "00", name + "0", upper_case,
        "01" + name.substr(2), "g0" + name.substr(2), std::string(name.size(), '0'),
        name + "\0"s}) {
    EXPECT_FALSE(origin_of_index_name(wrong)) << testing::PrintToString(wrong);
  }
}

}  // namespace
}  // namespace overpass::layer
