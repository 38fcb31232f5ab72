// SPDX-License-Identifier: MIT
//
// A file's identity beyond its names.

#include "sys/file_handle.h"

#include <gtest/gtest.h>

#include "scratch.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class FileHandles : public testing::Test {
 protected:
  void SetUp() override {
    disk.write("file", "text");
    disk.write("other", "");
    if (file_handle({root, "file"}).failed_with(EOPNOTSUPP)) GTEST_SKIP() << "no handles here";
  }

  Scratch disk;
  UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
};

TEST_F(FileHandles, NameTheSameFileAfterARename) {
  const FileHandle before = must(file_handle({root, "file"}));
  std::filesystem::rename(disk.path("file"), disk.path("renamed"));
  EXPECT_EQ(must(file_handle({root, "renamed"})), before);
  EXPECT_FALSE(must(file_handle({root, "other"})) == before);
}

TEST_F(FileHandles, AreTheSameByNameAndByDescriptor) {
  const UniqueFd file = disk.open("file", O_PATH);
  EXPECT_EQ(must(file_handle(place_of(file))), must(file_handle({root, "file"})));
}

TEST_F(FileHandles, LeadBackToTheFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const FileHandle handle = must(file_handle({root, "file"}));
  const UniqueFd file = must(open_by_handle(root, handle));
  EXPECT_EQ(must(sys::stat(place_of(file))).stx_ino, disk.stat("file").st_ino);
}

TEST_F(FileHandles, OfRemovedFilesAreStale) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const FileHandle handle = must(file_handle({root, "file"}));
  std::filesystem::remove(disk.path("file"));
  EXPECT_EQ(error_of(open_by_handle(root, handle)), ESTALE);
}

TEST_F(FileHandles, ThatMakeNoSenseAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_NE(error_of(open_by_handle(root, {1, std::string(8, '\xff')})), 0);
  EXPECT_NE(error_of(open_by_handle(root, {1, ""})), 0);
  EXPECT_NE(error_of(open_by_handle(root, {1, std::string(5000, 'x')})), 0);
}

}  // namespace
}  // namespace overpass::sys
