// SPDX-License-Identifier: MIT
//
// That no open follows a symbolic link of a layer or leaves the layer.

#include "sys/open.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "scratch.h"
#include "sys/names.h"

namespace overpass::sys {
namespace {

using unit::content_of;
using unit::error_of;
using unit::must;
using unit::Scratch;

bool closes_on_exec(BorrowedFd fd) { return (::fcntl(raw(fd), F_GETFD) & FD_CLOEXEC) != 0; }

class Open : public testing::Test {
 protected:
  Open() {
    disk.write("layer/a/b/file", "inside");
    disk.write("outside", "secret");
    std::filesystem::create_symlink("a", disk.path("layer/link"));
    std::filesystem::create_symlink("b/file", disk.path("layer/a/to-file"));
    std::filesystem::create_symlink("../outside", disk.path("layer/out"));
    std::filesystem::create_symlink(disk.path("outside"), disk.path("layer/absolute"));
    layer = disk.open("layer", O_PATH | O_DIRECTORY);
  }

  Scratch disk;
  UniqueFd layer;
};

TEST_F(Open, GoesDownSeveralComponents) {
  const UniqueFd file = must(open_beneath(layer, "a/b/file", O_RDONLY));
  EXPECT_EQ(content_of(file), "inside");
  EXPECT_TRUE(closes_on_exec(file));
}

TEST_F(Open, NeverPassesThroughASymbolicLink) {
  EXPECT_EQ(error_of(open_beneath(layer, "link/b/file", O_RDONLY)), ELOOP);
  EXPECT_EQ(error_of(open_beneath(layer, "a/to-file", O_RDONLY)), ELOOP);
  EXPECT_EQ(error_of(open_beneath(layer, "out", O_RDONLY)), ELOOP);
  EXPECT_EQ(error_of(open_beneath(layer, "absolute", O_RDONLY)), ELOOP);
}

TEST_F(Open, NeverLeavesTheLayer) {
  EXPECT_EQ(error_of(open_beneath(layer, "../outside", O_RDONLY)), EXDEV);
  EXPECT_EQ(error_of(open_beneath(layer, "a/../../outside", O_RDONLY)), EXDEV);
  EXPECT_EQ(error_of(open_beneath(layer, disk.path("outside").c_str(), O_RDONLY)), EXDEV);
}

TEST_F(Open, OfOneComponentFollowsNoLink) {
  EXPECT_EQ(error_of(open_at(layer, "out", O_RDONLY)), ELOOP);
  // O_PATH opens the link itself.
  const UniqueFd link = must(open_at(layer, "out", O_PATH));
  EXPECT_EQ(must(read_link(place_of(link))), "../outside");
}

TEST_F(Open, OfAUsersPathFollowsLinks) {
  EXPECT_EQ(content_of(must(open_path(disk.path("layer/out").c_str(), O_RDONLY))), "secret");
}

TEST_F(Open, AgainIsADescriptionOfItsOwn) {
  const UniqueFd path = must(open_beneath(layer, "a/b/file", O_PATH));
  const UniqueFd reader = must(reopen(path, O_RDONLY));
  const UniqueFd writer = must(reopen(path, O_WRONLY));
  EXPECT_EQ(::write(raw(writer), "INSIDE", 6), 6);
  EXPECT_EQ(::lseek(raw(reader), 0, SEEK_CUR), 0);
  EXPECT_EQ(content_of(reader), "INSIDE");
  EXPECT_TRUE(closes_on_exec(reader));
}

TEST_F(Open, OfAPlaceTakesNamesAndDescriptors) {
  const UniqueFd b = must(open_beneath(layer, "a/b", O_PATH));
  EXPECT_EQ(content_of(must(open_place({b, "file"}, O_RDONLY))), "inside");
  const UniqueFd file = must(open_at(b, "file", O_PATH));
  EXPECT_EQ(content_of(must(open_place(place_of(file), O_RDONLY))), "inside");
}

TEST_F(Open, CreatesWithTheModeGiven) {
  const mode_t before = ::umask(0);
  const UniqueFd made = must(open_at(layer, "made", O_RDWR | O_CREAT | O_EXCL, 0612));
  ::umask(before);
  EXPECT_EQ(disk.stat("layer/made").st_mode & 07777, 0612U);
  EXPECT_EQ(error_of(open_at(layer, "made", O_RDWR | O_CREAT | O_EXCL, 0600)), EEXIST);
  EXPECT_EQ(error_of(open_at(layer, "out", O_RDWR | O_CREAT | O_EXCL, 0600)), EEXIST);
}

TEST_F(Open, OfAnUnnamedFileLeavesNoName) {
  const std::vector<std::string> before = disk.names("layer");
  auto file = open_unnamed(layer, 0640);
  if (file.failed_with(EOPNOTSUPP)) GTEST_SKIP() << "no O_TMPFILE here";
  EXPECT_EQ(::write(raw(*file), "text", 4), 4);
  EXPECT_EQ(content_of(*file), "text");
  EXPECT_EQ(disk.names("layer"), before);
}

TEST_F(Open, ChecksWhetherEntriesCanBeMade) { EXPECT_EQ(error_of(check_writable(layer)), 0); }

TEST(OpenInRoot, TakesSlashesAndLinksAsIfItWereTheRoot) {
  const Scratch disk;
  disk.write("dir/file", "content");
  std::filesystem::create_symlink("/dir", disk.path("link"));
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  for (const char* path : {"/dir/file", "dir/file", "/link/file", "/../dir/file"}) {
    EXPECT_EQ(unit::content_of(must(open_in_root(root, path, O_RDONLY))), "content") << path;
    EXPECT_TRUE(open_known(root, path, O_PATH)) << path << " was just used";
  }
  EXPECT_EQ(unit::error_of(open_in_root(root, "/absent", O_PATH)), ENOENT);
}

}  // namespace
}  // namespace overpass::sys
