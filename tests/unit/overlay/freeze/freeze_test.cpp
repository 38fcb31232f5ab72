// SPDX-License-Identifier: MIT
//
// The upper of a union in use becomes its topmost lower, and nobody sees a difference.

#include "overlay/freeze/freeze.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Handle;
using unit::Union;
using unit::UnionOptions;
using Names = std::vector<std::string>;

UnionOptions freezable(bool passthrough = true) {
  return {.lowers = 2,
          .passthrough = passthrough,
          .may_be_frozen = true,
          .format = {.redirect_dir = layer::RedirectDir::On, .index = true}};
}

class Freeze : public testing::TestWithParam<bool> {
 protected:
  Freeze() : u(freezable(GetParam())) {
    u.disk.write("lower1/below", "below");
    u.disk.write("lower1/dir/deep", "deep");
    u.disk.write("lower2/dir/deeper", "deeper");
  }

  Union u;
};

TEST_P(Freeze, LeavesWhatIsSeen) {
  u.write("new", "new text");
  u.write("dir/deep", "DEEP");
  EXPECT_EQ(u.remove("below"), 0);
  EXPECT_EQ(u.make_directory("made"), 0);
  u.write("made/inside", "inside");
  const InodeRef kept = u.at("made/inside"), directory = u.at("made");
  const uint64_t number = u.stat("dir/deep").stx_ino;
  const InodeRef deep = u.at("dir/deep");
  unit::must(u.freeze());
  EXPECT_EQ(u.disk.names("upper2"), Names());
  EXPECT_EQ(u.names(""), (Names{"dir", "made", "new"}));
  EXPECT_EQ(u.names("dir"), (Names{"deep", "deeper"}));
  EXPECT_FALSE(u.shows("below"));
  EXPECT_EQ(u.read("new"), "new text");
  EXPECT_EQ(u.read("dir/deep"), "DEEP");
  EXPECT_EQ(u.read("dir/deeper"), "deeper");
  EXPECT_EQ(u.at("made/inside").get(), kept.get());
  EXPECT_EQ(u.at("made").get(), directory.get());
  EXPECT_EQ(u.stat("dir/deep").stx_ino, number);
}

TEST_P(Freeze, WritesToTheNewUpperAlone) {
  u.write("new", "first");
  u.write("dir/deep", "FIRST");
  const InodeRef known = u.at("new");
  unit::must(u.freeze());
  u.write("new", "again");
  u.write("dir/deep", "AGAIN");
  u.write("dir/fresh", "fresh");
  EXPECT_EQ(u.disk.read("upper/new"), "first");
  EXPECT_EQ(u.disk.read("upper/dir/deep"), "FIRST");
  EXPECT_EQ(u.disk.read("upper2/new"), "again");
  EXPECT_EQ(u.disk.read("upper2/dir/deep"), "AGAIN");
  EXPECT_FALSE(u.disk.exists("upper/dir/fresh"));
  EXPECT_EQ(u.read("new"), "again");
  EXPECT_EQ(u.at("new").get(), known.get());
}

TEST_P(Freeze, GoesOnWithOpenFiles) {
  u.write("new", "before");
  Handle writer = u.open("new", O_RDWR);
  Handle reader = u.open("new", O_RDONLY);
  const auto frozen = unit::must(u.freeze());
  EXPECT_EQ(frozen.kept, 1U);
  EXPECT_EQ(frozen.torn, 0U);
  writer.write("after!");
  EXPECT_EQ(reader.read(), "after!");
  EXPECT_EQ(u.read("new"), "after!");
  EXPECT_EQ(u.disk.read("upper2/new"), "after!");
  EXPECT_EQ(u.disk.read("upper/new"), "before");
  EXPECT_NE(u.disk.stat("upper/new").st_ino, u.disk.stat("upper2/new").st_ino);
}

TEST_P(Freeze, KeepsAttributesOfOpenFilesCopies) {
  u.disk.directory("upper/deep/down", 0750);
  u.write("deep/down/file", "text");
  EXPECT_EQ(u.chmod("deep/down/file", 0640), 0);
  const struct stat before = u.disk.stat("upper/deep/down/file");
  const struct stat directory = u.disk.stat("upper/deep/down");
  Handle open = u.open("deep/down/file", O_RDONLY);
  unit::must(u.freeze());
  const struct stat copy = u.disk.stat("upper/deep/down/file");
  EXPECT_EQ(copy.st_mode, before.st_mode);
  EXPECT_EQ(copy.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(u.disk.stat("upper2/deep/down/file").st_ino, before.st_ino);
  for (const char* upper : {"upper/deep/down", "upper2/deep/down"}) {
    EXPECT_EQ(u.disk.stat(upper).st_mode, directory.st_mode);
    EXPECT_EQ(u.disk.stat(upper).st_mtim.tv_nsec, directory.st_mtim.tv_nsec);
  }
  EXPECT_EQ(open.read(), "text");
}

TEST_P(Freeze, GoesOnWithFilesWithoutAName) {
  u.write("gone", "text");
  Handle open = u.open("gone", O_RDWR);
  EXPECT_EQ(u.remove("gone"), 0);
  const auto frozen = unit::must(u.freeze());
  EXPECT_EQ(frozen.kept, 0U);
  open.write("TEXT");
  EXPECT_EQ(open.read(), "TEXT");
  EXPECT_EQ(u.disk.names("upper2"), Names());
}

TEST_P(Freeze, KeepsMovedDirectoriesTogether) {
  EXPECT_EQ(u.rename("dir", "moved"), 0);
  const InodeRef moved = u.at("moved"), deeper = u.at("moved/deeper");
  unit::must(u.freeze());
  EXPECT_EQ(u.at("moved/deeper").get(), deeper.get());
  EXPECT_EQ(u.read("moved/deeper"), "deeper");
  EXPECT_EQ(u.rename("moved", "again"), 0);
  EXPECT_EQ(u.read("again/deep"), "deep");
  unit::must(u.freeze());
  EXPECT_EQ(u.at("again").get(), moved.get());
  EXPECT_EQ(u.read("again/deeper"), "deeper");
  EXPECT_FALSE(u.shows("dir"));
}

TEST_P(Freeze, KeepsLinksOneFile) {
  u.write("one", "text");
  EXPECT_EQ(u.link("one", "two"), 0);
  const InodeRef one = u.at("one");
  unit::must(u.freeze());
  EXPECT_EQ(u.at("two").get(), one.get());
  EXPECT_EQ(u.stat("two").stx_nlink, 2U);
  u.write("two", "TEXT");
  EXPECT_EQ(u.read("one"), "TEXT");
  EXPECT_EQ(u.at("one").get(), one.get());
  EXPECT_EQ(u.disk.read("upper/one"), "text");
}

TEST_P(Freeze, TakesCompleteIndexEntriesAway) {
  std::filesystem::create_hard_link(u.disk.path("lower1/below"), u.disk.path("lower1/other"));
  const InodeRef known = u.at("below");
  u.write("below", "BELOW");
  EXPECT_EQ(error_of(u.freeze()), EOPNOTSUPP);
  EXPECT_EQ(u.read("other"), "BELOW");
  EXPECT_EQ(u.chmod("other", 0600), 0);
  EXPECT_EQ(u.rename("other", "renamed"), 0);  // Which gives it that name in the upper.
  unit::must(u.freeze());
  EXPECT_EQ(u.disk.names("work/index"), Names());
  EXPECT_EQ(u.at("below").get(), known.get());
  EXPECT_EQ(u.at("renamed").get(), known.get());
  EXPECT_EQ(u.stat("below").stx_nlink, 2U);
  EXPECT_EQ(u.read("renamed"), "BELOW");
}

TEST_P(Freeze, MovesAllLinksOfOpenFiles) {
  u.write("one", "text");
  const InodeRef known = u.at("one");
  EXPECT_EQ(u.make_directory("dir2"), 0);
  EXPECT_EQ(u.link("one", "dir2/two"), 0);
  Handle open = u.open("one", O_RDWR);
  EXPECT_EQ(unit::must(u.freeze()).kept, 1U);
  open.write("TEXT");
  EXPECT_EQ(u.read("dir2/two"), "TEXT");
  EXPECT_EQ(u.stat("one").stx_nlink, 2U);
  for (const char* name : {"one", "dir2/two"}) {
    EXPECT_EQ(u.disk.read(std::string("upper/") + name), "text");
    EXPECT_EQ(u.disk.stat(std::string("upper/") + name).st_nlink, 2U);
    EXPECT_EQ(u.disk.read(std::string("upper2/") + name), "TEXT");
  }
}

TEST_P(Freeze, MovesIndexedFilesThatAreOpen) {
  std::filesystem::create_hard_link(u.disk.path("lower1/below"), u.disk.path("lower1/other"));
  const InodeRef known = u.at("below");
  u.write("below", "BELOW");
  EXPECT_EQ(u.rename("other", "renamed"), 0);
  Handle open = u.open("below", O_RDWR);
  EXPECT_EQ(unit::must(u.freeze()).kept, 1U);
  open.write("again");
  EXPECT_EQ(u.read("renamed"), "again");
  EXPECT_EQ(u.stat("renamed").stx_nlink, 2U);
  EXPECT_EQ(u.disk.names("work/index"), Names());
  EXPECT_EQ(u.disk.names("work2/index").size(), 1U);
  EXPECT_EQ(u.disk.read("upper/renamed"), "BELOW");
}

TEST_P(Freeze, IsAsBeforeWhenRefused) {
  u.disk.write("upper/one", "text");
  u.disk.write("upper/dir3/other", "other");
  std::filesystem::create_hard_link(u.disk.path("upper/one"), u.disk.path("upper/two"));
  Handle second = u.open("dir3/other", O_RDWR);
  Handle open = u.open("one", O_RDWR);
  EXPECT_EQ(error_of(u.freeze()), EBUSY) << "another name is not known";
  EXPECT_EQ(u.disk.names("upper2"), Names());
  open.write("TEXT");
  second.write("OTHER");
  EXPECT_EQ(u.disk.read("upper/two"), "TEXT");
  EXPECT_EQ(u.disk.read("upper/dir3/other"), "OTHER");
  EXPECT_EQ(u.read("two"), "TEXT");
  EXPECT_EQ(unit::must(u.freeze()).kept, 2U);
}

/// Everything is taken back from the last step on.
TEST_P(Freeze, IsTakenBack) {
  u.write("one", "one");
  EXPECT_EQ(u.make_directory("made"), 0);
  u.write("made/two", "two");
  Handle one = u.open("one", O_RDWR), two = u.open("made/two", O_RDWR);
  const InodeRef made = u.at("made");
  // The copy of the second cannot take its place.
  const std::string path = u.disk.directory("upper2");
  u.disk.directory("work2");
  u.disk.directory("upper2/made");
  EXPECT_EQ(error_of(u.freeze()), EINVAL) << "not empty";
  std::filesystem::remove(path + "/made");
  const int flags = [&] {
    const UniqueFd directory = u.disk.open("upper/made", O_RDONLY);
    int value = 0;
    if (::ioctl(raw(directory.get()), FS_IOC_GETFLAGS, &value) < 0) return -1;
    value |= FS_APPEND_FL;
    return ::ioctl(raw(directory.get()), FS_IOC_SETFLAGS, &value) < 0 ? -1 : value & ~FS_APPEND_FL;
  }();
  if (flags < 0) GTEST_SKIP() << "no flags of chattr(1) here";
  EXPECT_EQ(error_of(u.freeze()), EPERM);
  {
    const UniqueFd directory = u.disk.open("upper/made", O_RDONLY);
    unit::checked(::ioctl(raw(directory.get()), FS_IOC_SETFLAGS, &flags), "chattr");
  }
  EXPECT_EQ(u.disk.names("upper2"), Names());
  EXPECT_EQ(u.at("made").get(), made.get());
  one.write("ONE");
  two.write("TWO");
  EXPECT_EQ(u.disk.read("upper/one"), "ONE");
  EXPECT_EQ(u.disk.read("upper/made/two"), "TWO");
  EXPECT_EQ(u.disk.stat("upper/one").st_nlink, 1U);
  EXPECT_EQ(u.read("made/two"), "TWO");
  u.write("made/three", "three");
  EXPECT_EQ(u.disk.read("upper/made/three"), "three");
  EXPECT_EQ(unit::must(u.freeze()).kept, 2U);
  one.write("One");
  EXPECT_EQ(u.disk.read("upper/one"), "ONE");
  EXPECT_EQ(u.disk.read("upper2/one"), "One");
}

TEST_P(Freeze, ListsTheSameOffsets) {
  EXPECT_EQ(u.make_directory("many"), 0);
  for (int i = 0; i < 50; ++i) u.write("many/" + std::to_string(i), "x");
  const auto before = u.list("many", true, 7);
  unit::must(u.freeze());
  const auto after = u.list("many", true, 7);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_EQ(before[i].next_offset, after[i].next_offset);
    EXPECT_EQ(before[i].ino, after[i].ino) << before[i].name;
  }
}

TEST_P(Freeze, IsFoundByTheNextMount) {
  u.write("new", "text");
  u.write("dir/deep", "DEEP");
  EXPECT_EQ(u.remove("below"), 0);
  {
    Handle open = u.open("new", O_RDWR);
    unit::must(u.freeze());
    open.write("more");
  }
  u.write("dir/deep", "AGAIN");
  u.remount();
  EXPECT_EQ(u.names(""), (Names{"dir", "new"}));
  EXPECT_EQ(u.read("new"), "more");
  EXPECT_EQ(u.read("dir/deep"), "AGAIN");
}

TEST_P(Freeze, TakesMountsMadeForItAlone) {
  UnionOptions options = freezable(GetParam());
  options.may_be_frozen = false;
  Union other(options);
  EXPECT_EQ(error_of(other.freeze()), EOPNOTSUPP);
  options = freezable(GetParam());
  options.format.index = false;
  Union parting(options);
  EXPECT_EQ(error_of(parting.freeze()), EOPNOTSUPP);
}

INSTANTIATE_TEST_SUITE_P(Served, Freeze, testing::Bool(), [](const auto& served) {
  return served.param ? "ByTheKernel" : "ByTheDaemon";
});

}  // namespace
}  // namespace overpass::overlay
