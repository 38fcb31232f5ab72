// SPDX-License-Identifier: MIT
//
// GETXATTR, LISTXATTR, SETXATTR, REMOVEXATTR.

#include "fuse_test.h"

namespace overpass::unit {
namespace {

class XattrOps : public FuseTest {
 protected:
  void SetUp() override {
    fuse.disk.write("lower/file", "text");
    fuse.disk.set_xattr("lower/file", "user.color", "blue");
  }
  Answer get(uint64_t node, std::string_view name, uint32_t size) {
    const fuse_getxattr_in in = {.size = size};
    return fuse.call(FUSE_GETXATTR, node, bytes_of(in) + name_of(name));
  }
  Answer list(uint64_t node, uint32_t size) {
    return fuse.call(FUSE_LISTXATTR, node, bytes_of(fuse_getxattr_in{.size = size}));
  }
  int set(uint64_t node, std::string_view name, std::string_view value, uint32_t flags = 0) {
    const SetxattrIn in = {static_cast<uint32_t>(value.size()), flags};
    const std::string payload = bytes_of(in) + name_of(name) + std::string(value);
    return fuse.call(FUSE_SETXATTR, node, payload).error;
  }
  int remove(uint64_t node, std::string_view name) {
    return fuse.call(FUSE_REMOVEXATTR, node, name_of(name)).error;
  }
};

TEST_F(XattrOps, GetxattrAnswersTheValueOrItsLength) {
  const uint64_t node = node_of("file");
  EXPECT_EQ(get(node, "user.color", 64).payload, "blue");
  EXPECT_EQ(get(node, "user.color", 4).payload, "blue");
  EXPECT_EQ(get(node, "user.color", 0).as<fuse_getxattr_out>().size, 4U);
  EXPECT_EQ(get(node, "user.color", 3).error, ERANGE);
  EXPECT_EQ(get(node, "user.none", 64).error, ENODATA);
  EXPECT_EQ(get(node, "", 64).error, ERANGE);
  EXPECT_EQ(get(node, std::string(256, 'x'), 64).error, ERANGE);
}

TEST_F(XattrOps, ListxattrShowsNamesWithoutTheMarksOfTheLayers) {
  const uint64_t node = node_of("file");
  const std::string names = name_of("user.color");
  EXPECT_EQ(set(node, "user.shape", "round"), 0);  // The copy has an origin mark.
  const std::string both = list(node, 4096).payload;
  EXPECT_NE(both.find(names), std::string::npos);
  EXPECT_NE(both.find(name_of("user.shape")), std::string::npos);
  EXPECT_EQ(both.find("overlay."), std::string::npos);
  EXPECT_EQ(list(node, 0).as<fuse_getxattr_out>().size, both.size());
  EXPECT_EQ(list(node, 5).error, ERANGE);
}

TEST_F(XattrOps, SetxattrCopiesUp) {
  const uint64_t node = node_of("file");
  EXPECT_EQ(set(node, "user.color", "red"), 0);
  EXPECT_EQ(fuse.disk.xattr("upper/file", "user.color"), "red");
  EXPECT_EQ(fuse.disk.xattr("lower/file", "user.color"), "blue");
  EXPECT_EQ(set(node, "user.color", "green", XATTR_CREATE), EEXIST);
  EXPECT_EQ(set(node, "user.none", "green", XATTR_REPLACE), ENODATA);
  EXPECT_EQ(set(node, "user.color", ""), 0);
  EXPECT_EQ(fuse.disk.xattr("upper/file", "user.color"), "");
  EXPECT_EQ(set(node, "unknown.color", "red"), EOPNOTSUPP);
}

TEST_F(XattrOps, RemovexattrCopiesUp) {
  const uint64_t node = node_of("file");
  EXPECT_EQ(remove(node, "user.color"), 0);
  EXPECT_EQ(fuse.disk.xattr("upper/file", "user.color"), "-");
  EXPECT_EQ(fuse.disk.xattr("lower/file", "user.color"), "blue");
  EXPECT_EQ(remove(node, "user.color"), ENODATA);
}

TEST_F(XattrOps, TheMountingUserGetsTheFullStatus) {
  EXPECT_EQ(count_of("GETXATTR"), 1);
  EXPECT_EQ(count_of("open_handles"), 0);
  fuse.caller.uid = 12'345;
  const std::string brief = status();
  EXPECT_NE(brief.find("\"complete\":false"), std::string::npos);
  EXPECT_EQ(brief.find(fuse.disk.path()), std::string::npos);
}

}  // namespace
}  // namespace overpass::unit
