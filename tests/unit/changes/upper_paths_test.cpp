// SPDX-License-Identifier: MIT

#include "changes/upper_paths.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "../sys/scratch.h"
#include "sys/open.h"

namespace overpass::changes {
namespace {

using unit::must;
using unit::Scratch;
using Paths = std::vector<std::string>;

class UpperPaths : public testing::Test {
 protected:
  Paths paths(const std::string& top = "") {
    const UniqueFd root = must(sys::open_path(disk.path().c_str(), O_PATH | O_DIRECTORY));
    auto found = paths_in_upper(root, top, ".git");
    if (!found) return {"unread: " + found.error().path};
    std::ranges::sort(*found);
    return *found;
  }

  Scratch disk;
};

TEST_F(UpperPaths, AreThoseOfFilesAndLinks) {
  disk.write("a", "");
  disk.write("d/e/f", "");
  unit::checked(::symlink("d", (disk.path() + "/link").c_str()), "symlink");
  EXPECT_EQ(paths(), Paths({"a", "d/any", "d/e/f", "link"}));
}

TEST_F(UpperPaths, AreSeenFromTheTop) {
  disk.write("a", "");
  disk.write("d/e/f", "");
  disk.write("d/g", "");
  EXPECT_EQ(paths("d"), Paths({"e/f", "g"}));
  EXPECT_EQ(paths("d/e"), Paths({"f"}));
}

TEST_F(UpperPaths, LeadIntoEachDirectory) {
  disk.directory("d");
  unit::checked(::mkdir((disk.path() + "/d/empty").c_str(), 0755), "mkdir");
  EXPECT_EQ(paths(), Paths({"any", "d/any", "d/empty/any"}));
}

TEST_F(UpperPaths, AreTheNamesThatWhiteoutsHide) {
  disk.write("d/.wh.hidden", "");
  disk.write("d/.wh..wh..opq", "");
  const Paths found = paths();
  EXPECT_TRUE(std::ranges::binary_search(found, "d/hidden"));
  EXPECT_FALSE(std::ranges::binary_search(found, "d/.wh.hidden"));
}

TEST_F(UpperPaths, LeaveOutAName) {
  disk.write(".git/index", "");
  disk.write("d/.git/index", "");
  disk.write("d/.wh..git", "");
  disk.write("d/.gitignore", "");
  EXPECT_EQ(paths(), Paths({"any", "d/.gitignore"}));
}

TEST_F(UpperPaths, AreNoneWhereTheUpperHasNoDirectory) {
  disk.write("file", "");
  EXPECT_EQ(paths("none"), Paths());
  EXPECT_EQ(paths("none/below"), Paths());
  EXPECT_EQ(paths("file"), Paths());
}

}  // namespace
}  // namespace overpass::changes
