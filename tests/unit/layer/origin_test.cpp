// SPDX-License-Identifier: MIT
//
// The origin mark's value, byte by byte as the kernel writes it, and everything that is no such
// value.

#include "layer/origin.h"

#include <gtest/gtest.h>

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

TEST_F(Origins, AreNotDecodedFromWhatIsCutOff) {
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
}  // namespace overpass::layer
