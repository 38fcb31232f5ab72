// SPDX-License-Identifier: MIT
//
// The origin mark's value, byte by byte as the kernel writes it, and everything that is no such
// value.
//
// Names of index entries and the origin marks behind them.

#include "layer/origin.h"

#include <gtest/gtest.h>

#include <bit>

#include "../sys/scratch.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

using unit::must;
using unit::Scratch;

class Origins : public testing::Test {
 protected:
  void SetUp() override {
    disk.write("file", "text");
    if (must(encode_origin(layer, place())).empty()) GTEST_SKIP() << "no file handles here";
  }
  sys::Place place() const { return {root, "file"}; }

  Scratch disk;
  UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
  Layer layer = [] {
    Layer made;
    for (size_t i = 0; i < made.uuid.size(); ++i) made.uuid[i] = static_cast<uint8_t>(i + 1);
    return made;
  }();
};

TEST_F(Origins, AreDecodedAsTheyWereEncoded) {
  const auto origin = decode_origin(must(encode_origin(layer, place())));
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->uuid, layer.uuid);
  EXPECT_EQ(origin->handle, must(sys::file_handle(place())));
}

TEST_F(Origins, HaveTheHeaderOfTheKernel) {
  const std::string value = must(encode_origin(layer, place()));
  // struct ovl_fb: version, magic, length, flags, type, uuid, handle.
  EXPECT_EQ(value[0], 0);
  EXPECT_EQ(static_cast<uint8_t>(value[1]), 0xfb);
  EXPECT_EQ(static_cast<uint8_t>(value[2]), value.size());
  EXPECT_EQ(static_cast<uint8_t>(value[4]), must(sys::file_handle(place())).type);
  EXPECT_EQ(value.substr(5, 16), std::string(layer.uuid.begin(), layer.uuid.end()));
  EXPECT_EQ(value.substr(21), must(sys::file_handle(place())).bytes);
}

TEST_F(Origins, AreNotDecodedFromCutOffValues) {
  const std::string value = must(encode_origin(layer, place()));
  for (size_t length = 0; length < value.size(); ++length) {
    EXPECT_FALSE(decode_origin(value.substr(0, length))) << length;
  }
  EXPECT_FALSE(decode_origin(value + "x"));
}

TEST_F(Origins, AreNotDecodedFromOtherVersions) {
  const std::string value = must(encode_origin(layer, place()));
  for (const size_t position : {0, 1, 2}) {
    std::string other = value;
    other[position] = static_cast<char>(other[position] ^ 0x40);
    EXPECT_FALSE(decode_origin(other)) << position;
  }
}

TEST_F(Origins, LeadToTheFileUnderAnyName) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto origin = decode_origin(must(encode_origin(layer, place())));
  ASSERT_TRUE(origin);
  std::filesystem::rename(disk.path("file"), disk.path("renamed"));
  const auto found = find_origin(layer, root, *origin);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->stx_ino, disk.stat("renamed").st_ino);
}

TEST_F(Origins, LeadNowhereInAnotherFileSystemOrWhenTheFileIsGone) {
  const auto origin = decode_origin(must(encode_origin(layer, place())));
  ASSERT_TRUE(origin);
  Layer other;
  other.uuid[0] = 9;
  EXPECT_FALSE(find_origin(other, root, *origin));
  std::filesystem::remove(disk.path("file"));
  EXPECT_FALSE(find_origin(layer, root, *origin));
}

TEST_F(Origins, MayBeUnknown) { EXPECT_FALSE(decode_origin("")); }

}  // namespace

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
