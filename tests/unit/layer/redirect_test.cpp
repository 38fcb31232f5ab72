// SPDX-License-Identifier: MIT
//
// Which redirects are taken, and that everything else is refused.

#include "layer/redirect.h"

#include <gtest/gtest.h>

namespace overpass::layer {
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
