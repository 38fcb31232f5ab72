// SPDX-License-Identifier: MIT
//
// Which redirect a moved directory gets, and what is found through redirects afterwards.

#include "overlay/find/redirect.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::Union;
using unit::UnionOptions;
using Names = std::vector<std::string>;

constexpr char kRedirect[] = "trusted.overlay.redirect";

UnionOptions with_lowers(size_t lowers) {
  return {.lowers = lowers, .format = {.redirect_dir = layer::RedirectDir::On}};
}

TEST(Redirect, IsANameInTheSameDirectory) {
  Union u(with_lowers(1));
  u.disk.write("lower1/old/file", "text");
  ASSERT_EQ(u.rename("old", "new"), 0);
  EXPECT_EQ(u.disk.xattr("upper/new", kRedirect), "old");
  EXPECT_EQ(u.read("new/file"), "text");
  ASSERT_EQ(u.rename("new", "newer"), 0);
  EXPECT_EQ(u.disk.xattr("upper/newer", kRedirect), "old");
  u.remount();
  EXPECT_EQ(u.read("newer/file"), "text");
  EXPECT_FALSE(u.shows("old"));
}

TEST(Redirect, IsAPathFromTheRootsElsewhere) {
  Union u(with_lowers(1));
  u.disk.write("lower1/a/old/file", "text");
  u.disk.directory("lower1/b");
  ASSERT_EQ(u.rename("a/old", "b/new"), 0);
  EXPECT_EQ(u.disk.xattr("upper/b/new", kRedirect), "/a/old");
  ASSERT_EQ(u.rename("b/new", "b/newer"), 0);
  EXPECT_EQ(u.disk.xattr("upper/b/newer", kRedirect), "/a/old") << "is right wherever it goes";
  EXPECT_EQ(u.read("b/newer/file"), "text");
}

TEST(Redirect, NamesTheOldPathBelowAMovedDirectory) {
  Union u(with_lowers(1));
  u.disk.write("lower1/a/b/c/file", "text");
  ASSERT_EQ(u.rename("a", "moved"), 0);
  ASSERT_EQ(u.rename("moved/b", "out"), 0);
  EXPECT_EQ(u.disk.xattr("upper/out", kRedirect), "/a/b");
  ASSERT_EQ(u.rename("out/c", "moved/c"), 0);
  EXPECT_EQ(u.disk.xattr("upper/moved/c", kRedirect), "/a/b/c");
  u.remount();
  EXPECT_EQ(u.read("moved/c/file"), "text");
  EXPECT_EQ(u.names("out"), Names());
}

TEST(Redirect, LeadsThroughAllLowersThatHaveThePath) {
  Union u(with_lowers(3));
  u.disk.write("lower1/a/one", "1");
  u.disk.write("lower2/a/two", "2");
  u.disk.write("lower3/a/three", "3");
  ASSERT_EQ(u.rename("a", "new"), 0);
  u.remount();
  EXPECT_EQ(u.names("new"), (Names{"one", "three", "two"}));
}

TEST(Redirect, ChangesItsWayFromLowerToLower) {
  Union u(with_lowers(3));
  u.disk.directory("lower1/n");
  u.disk.set_xattr("lower1/n", kRedirect, "/x/m");
  u.disk.write("lower2/x/m/two", "2");
  u.disk.set_xattr("lower2/x/m", kRedirect, "o");
  u.disk.write("lower3/x/o/three", "3");
  u.disk.write("lower3/x/m/hidden", "");
  u.disk.write("lower3/n/hidden", "");
  EXPECT_EQ(u.names("n"), (Names{"three", "two"}));
}

TEST(Redirect, EndsAtAnOpaqueDirectoryOnTheWayButForAbsoluteOnes) {
  Union u(with_lowers(3));
  u.disk.directory("lower1/n");
  u.disk.set_xattr("lower1/n", kRedirect, "/x/m");
  u.disk.write("lower2/x/m/two", "2");
  u.disk.set_xattr("lower2/x", "trusted.overlay.opaque", "y");
  u.disk.write("lower3/x/m/three", "3");
  EXPECT_EQ(u.names("n"), Names{"two"});
}

TEST(Redirect, IsNotWrittenUnlessChosen) {
  for (const auto choice :
       {layer::RedirectDir::Off, layer::RedirectDir::Follow, layer::RedirectDir::NoFollow}) {
    Union u({.format = {.redirect_dir = choice}});
    u.disk.directory("lower1/old");
    EXPECT_EQ(u.rename("old", "new"), EXDEV);
    EXPECT_TRUE(u.shows("old"));
  }
}

TEST(Redirect, IsRefusedWhereItIsNotFollowed) {
  Union u({.format = {.redirect_dir = layer::RedirectDir::NoFollow}});
  u.disk.directory("upper/n");
  u.disk.set_xattr("upper/n", kRedirect, "/old");
  u.disk.write("lower1/old/file", "text");
  EXPECT_EQ(unit::error_of(u.look_up("n")), EPERM);
}

TEST(Redirect, OfNonsenseIsAnError) {
  for (const char* value : {"..", "/", "/a/../b", "a/b", ""}) {
    Union u(with_lowers(1));
    u.disk.directory("upper/n");
    u.disk.set_xattr("upper/n", kRedirect, value);
    EXPECT_EQ(unit::error_of(u.look_up("n")), EIO) << value;
  }
}

}  // namespace
}  // namespace overpass::overlay
