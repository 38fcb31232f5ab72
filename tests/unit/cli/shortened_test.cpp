// SPDX-License-Identifier: MIT

#include "cli/shortened.h"

#include <gtest/gtest.h>

#include <vector>

namespace overpass::cli {
namespace {

TEST(Shortened, LeavesTheFirstNameOfAPath) {
  EXPECT_EQ(shortened_path("/home/me/secret"), "/home/...");
  EXPECT_EQ(shortened_path("/srv/"), "/srv/...");
  EXPECT_EQ(shortened_path("/srv"), "/srv");
  EXPECT_EQ(shortened_path("/"), "/");
}

TEST(Shortened, KeepsPathsOfTheSystem) {
  for (const char* path : {"/dev/fuse", "/proc/self/mountinfo", "/run/overpass/broker.sock",
                           "/sys/module/fuse/parameters/enable_uring"}) {
    EXPECT_EQ(shortened_path(path), path);
  }
  EXPECT_EQ(shortened_path("/devices/mine"), "/devices/...");
}

TEST(Shortened, FindsPathsInText) {
  const std::vector<std::string> none;
  EXPECT_EQ(shortened("of '/home/me/a b' and /srv/x, /tmp/y; 1/2", none),
            "of '/home/... b' and /srv/..., /tmp/...; 1/2");
  EXPECT_EQ(shortened("lowerdir=/home/me/a:/home/me/b", none), "lowerdir=/home/...");
  EXPECT_EQ(shortened("not asked for", none), "not asked for");
}

TEST(Shortened, ReplacesKnownPathsWhole) {
  const std::vector<std::string> known = {"/home/me", "/home/me/my secrets", "", "/"};
  EXPECT_EQ(shortened("'/home/me/my secrets/x' and /home/me", known), "'/home/...' and /home/...");
}

}  // namespace
}  // namespace overpass::cli
