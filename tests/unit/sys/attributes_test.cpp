// SPDX-License-Identifier: MIT
//
// Mode, owner, times and size, by name and by descriptor; links are changed themselves.

#include "sys/attributes.h"

#include <gtest/gtest.h>

#include "scratch.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class Attributes : public testing::TestWithParam<bool> {
 protected:
  Attributes() {
    disk.write("file", "content");
    root = disk.open("", O_PATH | O_DIRECTORY);
    file = disk.open("file", O_PATH);
  }
  Place place() const { return GetParam() ? place_of(file) : Place{root, "file"}; }

  Scratch disk;
  UniqueFd root, file;
};

TEST_P(Attributes, TakeAMode) {
  must(change_mode(place(), 04751));
  EXPECT_EQ(disk.stat("file").st_mode & 07777, 04751U);
}

TEST_P(Attributes, TakeAnOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  must(change_owner(place(), 12, 34));
  must(change_owner(place(), static_cast<uid_t>(-1), 56));
  EXPECT_EQ(disk.stat("file").st_uid, 12U);
  EXPECT_EQ(disk.stat("file").st_gid, 56U);
}

TEST_P(Attributes, TakeTimesWithTheirNanoseconds) {
  must(change_times(place(), {1000, 5}, {2000, 999999999}));
  EXPECT_EQ(disk.stat("file").st_atim.tv_nsec, 5);
  EXPECT_EQ(disk.stat("file").st_mtim.tv_sec, 2000);
  EXPECT_EQ(disk.stat("file").st_mtim.tv_nsec, 999999999);
  must(change_times(place(), {0, UTIME_OMIT}, {3000, 0}));
  EXPECT_EQ(disk.stat("file").st_atim.tv_sec, 1000);
  EXPECT_EQ(disk.stat("file").st_mtim.tv_sec, 3000);
}

TEST(OpenFile, TakesASize) {
  const Scratch disk;
  disk.write("file", "content");
  const UniqueFd file = disk.open("file", O_WRONLY);
  must(change_size_of_open(file, 3));
  EXPECT_EQ(disk.read("file"), "con");
  must(change_size_of_open(file, 5));
  EXPECT_EQ(disk.read("file"), std::string("con\0\0", 5));
}

TEST_P(Attributes, TakeTheTimesOfAnother) {
  must(change_times(place(), {-5, 1}, {1234567890, 123456789}));
  const Stat stat = must(sys::stat(place()));
  disk.write("other", "");
  must(copy_times({root, "other"}, stat));
  EXPECT_EQ(disk.stat("other").st_atim.tv_sec, -5);
  EXPECT_EQ(disk.stat("other").st_mtim.tv_sec, 1234567890);
  EXPECT_EQ(disk.stat("other").st_mtim.tv_nsec, 123456789);
}

INSTANTIATE_TEST_SUITE_P(By, Attributes, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "Descriptor" : "Name";
});

TEST(AttributesOfALink, AreItsOwn) {
  const Scratch disk;
  disk.write("file", "content");
  std::filesystem::create_symlink("file", disk.path("link"));
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  const struct stat before = disk.stat("file");
  must(change_times({root, "link"}, {1, 0}, {2, 0}));
  EXPECT_EQ(disk.stat("link").st_mtim.tv_sec, 2);
  EXPECT_EQ(disk.stat("file").st_mtim.tv_sec, before.st_mtim.tv_sec);
  EXPECT_EQ(error_of(change_mode({root, "link"}, 0600)), EOPNOTSUPP);
  EXPECT_EQ(disk.stat("file").st_mode, before.st_mode);
  EXPECT_EQ(disk.stat("file").st_size, before.st_size);
}

TEST(StatOfAPlace, IsOfWhatIsThereNotOfWhatALinkLeadsTo) {
  const Scratch disk;
  std::filesystem::create_symlink("absent", disk.path("link"));
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  EXPECT_TRUE(S_ISLNK(must(sys::stat({root, "link"})).stx_mode));
  EXPECT_EQ(error_of(sys::stat({root, "absent"})), ENOENT);
  const Stat own = must(sys::stat(place_of(root)));
  EXPECT_TRUE(is_directory(own));
  EXPECT_EQ(device_of(own), disk.stat().st_dev);
  EXPECT_EQ(own.stx_ino, disk.stat().st_ino);
}

}  // namespace
}  // namespace overpass::sys
