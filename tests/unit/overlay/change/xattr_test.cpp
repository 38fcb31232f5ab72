// SPDX-License-Identifier: MIT
//
// Extended attributes: the format's own are neither shown nor touched, callers' of such names are
// kept escaped, everything else is the file's.

#include "overlay/change/xattr.h"

#include <gtest/gtest.h>
#include <sys/xattr.h>

#include <algorithm>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::must;
using unit::Union;

class Xattr : public testing::TestWithParam<const char*> {
 protected:
  Xattr() { u_.disk.write(std::string(GetParam()) + "/file", "text"); }

  int set(const char* name, std::string_view value, int flags = 0) {
    return error_of(set_xattr(u_.overlay(), unit::kRoot, u_.at("file"), name, value, flags));
  }
  int remove(const char* name) {
    return error_of(remove_xattr(u_.overlay(), unit::kRoot, u_.at("file"), name));
  }
  /// The value, or the error in angle brackets.
  std::string get(const char* name) {
    char value[256];
    auto length = get_xattr(u_.overlay(), u_.at("file"), name, value);
    return length ? std::string(value, *length) : "<" + std::to_string(error_of(length)) + ">";
  }
  std::vector<std::string> list(bool privileged = true) {
    const std::string names =
        must(list_xattrs(u_.overlay(), {.uid = privileged ? 0U : 1000U}, u_.at("file")));
    std::vector<std::string> result;
    for (size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
      result.emplace_back(names.c_str() + at);
    }
    std::sort(result.begin(), result.end());
    return result;
  }
  const std::string absent_ = "<" + std::to_string(ENODATA) + ">";

  Union u_;
};

TEST_P(Xattr, IsStoredReadListedAndRemoved) {
  EXPECT_EQ(get("user.a"), absent_);
  EXPECT_EQ(set("user.a", "one"), 0);
  EXPECT_EQ(set("user.b", ""), 0);
  EXPECT_EQ(get("user.a"), "one");
  EXPECT_EQ(get("user.b"), "");
  EXPECT_EQ(list(false), (std::vector<std::string>{"user.a", "user.b"}));
  EXPECT_EQ(remove("user.a"), 0);
  EXPECT_EQ(get("user.a"), absent_);
  EXPECT_EQ(u_.disk.xattr("upper/file", "user.b"), "");
}

TEST_P(Xattr, IsCreatedOrReplacedAsAsked) {
  EXPECT_EQ(set("user.a", "x", XATTR_REPLACE), ENODATA);
  EXPECT_EQ(set("user.a", "x", XATTR_CREATE), 0);
  EXPECT_EQ(set("user.a", "y", XATTR_CREATE), EEXIST);
  EXPECT_EQ(set("user.a", "z", XATTR_REPLACE), 0);
  EXPECT_EQ(get("user.a"), "z");
}

TEST_P(Xattr, TellsItsLengthWhenAsked) {
  ASSERT_EQ(set("user.a", std::string(300, 'x')), 0);
  EXPECT_EQ(must(get_xattr(u_.overlay(), u_.at("file"), "user.a", {})), 300U);
  char small[10];
  EXPECT_EQ(error_of(get_xattr(u_.overlay(), u_.at("file"), "user.a", small)), ERANGE);
}

TEST_P(Xattr, OfACallersOwnOverlayIsEscaped) {
  for (const char* name :
       {"trusted.overlay.opaque", "trusted.overlay.overlay.opaque", "trusted.overlay.whatever"}) {
    EXPECT_EQ(get(name), absent_) << name;
    EXPECT_EQ(set(name, name), 0) << name;
    EXPECT_EQ(get(name), name);
  }
  EXPECT_EQ(list(true).size(), 3U);
  EXPECT_EQ(u_.disk.xattr("upper/file", "trusted.overlay.overlay.opaque"),
            "trusted.overlay.opaque");
  EXPECT_EQ(u_.disk.xattr("upper/file", "trusted.overlay.opaque"), "-");
  EXPECT_EQ(remove("trusted.overlay.opaque"), 0);
  EXPECT_EQ(get("trusted.overlay.opaque"), absent_);
  EXPECT_EQ(get("trusted.overlay.overlay.opaque"), "trusted.overlay.overlay.opaque");
}

TEST_P(Xattr, OfTheFormatIsNotShown) {
  ASSERT_EQ(u_.chmod("file", 0600), 0);
  u_.disk.set_xattr("upper/file", "trusted.overlay.origin", "secret");
  u_.disk.set_xattr("upper/file", "user.fuseoverlayfs.origin", "secret");
  for (const char* name : {"trusted.overlay.origin", "user.fuseoverlayfs.origin"}) {
    EXPECT_EQ(get(name), absent_) << name;
    EXPECT_EQ(remove(name), ENODATA) << name;
  }
  EXPECT_EQ(list(true), std::vector<std::string>());
  EXPECT_EQ(u_.disk.xattr("upper/file", "trusted.overlay.origin"), "secret");
}

TEST_P(Xattr, OfFuseOverlayfsCannotBeSet) {
  EXPECT_EQ(set("user.fuseoverlayfs.opaque", "y"), EPERM);
  EXPECT_EQ(set("user.fuseoverlayfs.anything", "y"), EPERM);
}

TEST_P(Xattr, OfTheTrustedNamespaceIsListedForThePrivileged) {
  ASSERT_EQ(set("trusted.mine", "x"), 0);
  ASSERT_EQ(set("user.mine", "x"), 0);
  EXPECT_EQ(list(true).size(), 2U);
  EXPECT_EQ(list(false), std::vector<std::string>{"user.mine"});
}

INSTANTIATE_TEST_SUITE_P(OfAFileIn, Xattr, testing::Values("lower1", "upper"));

TEST(XattrWithoutChange, CopiesNothingUp) {
  Union u;
  u.disk.write("lower1/file", "text");
  u.disk.set_xattr("lower1/file", "user.a", "x");
  EXPECT_EQ(error_of(remove_xattr(u.overlay(), unit::kRoot, u.at("file"), "user.absent")), ENODATA);
  EXPECT_EQ(must(get_xattr(u.overlay(), u.at("file"), "user.a", {})), 1U);
  EXPECT_FALSE(u.disk.exists("upper/file"));
}

TEST(XattrUnderTheUserPrefix, IsEscapedThere) {
  Union u({.userxattr = true});
  u.disk.write("lower1/file", "text");
  const InodeRef file = u.at("file");
  ASSERT_EQ(error_of(set_xattr(u.overlay(), unit::kRoot, file, "user.overlay.opaque", "mine", 0)),
            0);
  ASSERT_EQ(error_of(set_xattr(u.overlay(), unit::kRoot, file, "trusted.overlay.opaque", "too", 0)),
            0);
  EXPECT_EQ(u.disk.xattr("upper/file", "user.overlay.overlay.opaque"), "mine");
  EXPECT_EQ(u.disk.xattr("upper/file", "trusted.overlay.opaque"), "too");
}

TEST(XattrOfSymbolicLinks, IsTheLinksOwn) {
  Union u;
  u.disk.write("lower1/target", "text");
  ASSERT_EQ(::symlink("target", u.disk.path("lower1/link").c_str()), 0);
  ASSERT_EQ(error_of(set_xattr(u.overlay(), unit::kRoot, u.at("link"), "trusted.a", "x", 0)), 0);
  EXPECT_EQ(u.disk.xattr("upper/link", "trusted.a"), "x");
  EXPECT_FALSE(u.disk.exists("upper/target"));
}

}  // namespace
}  // namespace overpass::overlay
