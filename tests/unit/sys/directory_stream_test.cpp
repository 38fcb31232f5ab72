// SPDX-License-Identifier: MIT
//
// Entries of a directory of any size, from any offset.

#include "sys/directory_stream.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "scratch.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class Stream : public testing::Test {
 protected:
  Scratch disk;
  UniqueFd open(const std::string& name = "") { return disk.open(name, O_RDONLY | O_DIRECTORY); }
};

TEST_F(Stream, SaysWhatTheEntriesAre) {
  disk.write("file", "");
  disk.directory("directory");
  std::filesystem::create_symlink("target", disk.path("link"));
  const UniqueFd fd = open();
  std::map<std::string, unsigned char> types;
  must(for_each_entry(fd, [&](const DirectoryEntry& entry) -> Result<void> {
    EXPECT_EQ(entry.ino, disk.stat(std::string(entry.name)).st_ino);
    EXPECT_EQ(entry.name.data()[entry.name.size()], '\0');
    types.emplace(entry.name, entry.type);
    return {};
  }));
  const std::map<std::string, unsigned char> expected = {
      {"directory", DT_DIR}, {"file", DT_REG}, {"link", DT_LNK}};
  EXPECT_EQ(types, expected);
}

TEST_F(Stream, HasTheDotsTooWhenReadOneByOne) {
  const UniqueFd fd = open();
  DirectoryStream stream(fd);
  std::set<std::string> names;
  while (const auto entry = must(stream.next())) names.emplace(entry->name);
  EXPECT_EQ(names, (std::set<std::string>{".", ".."}));
  EXPECT_FALSE(must(stream.next()));
}

TEST_F(Stream, ReadsMoreThanItsBufferHolds) {
  constexpr int kFiles = 3000;
  const std::string tail(100, 'x');
  for (int i = 0; i < kFiles; ++i) disk.write(std::to_string(i) + tail, "");
  const UniqueFd fd = open();
  std::set<std::string> names;
  must(for_each_entry(fd, [&](const DirectoryEntry& entry) -> Result<void> {
    EXPECT_TRUE(names.emplace(entry.name).second) << entry.name;
    return {};
  }));
  EXPECT_EQ(names.size(), size_t{kFiles});
}

TEST_F(Stream, ContinuesBehindAnyEntry) {
  for (int i = 0; i < 50; ++i) disk.write(std::to_string(i), "");
  const UniqueFd fd = open();
  std::vector<std::string> names;
  std::vector<int64_t> offsets;
  DirectoryStream stream(fd);
  while (const auto entry = must(stream.next())) {
    names.emplace_back(entry->name);
    offsets.push_back(entry->next_offset);
  }
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    must(stream.seek(offsets[i]));
    EXPECT_EQ(must(stream.next())->name, names[i + 1]);
  }
  must(stream.seek(offsets.back()));
  EXPECT_FALSE(must(stream.next()));
  must(stream.seek(0));
  EXPECT_EQ(must(stream.next())->name, names[0]);
}

TEST_F(Stream, EndsWithTheVisitorsFailure) {
  disk.write("a", "");
  disk.write("b", "");
  const UniqueFd fd = open();
  int visits = 0;
  EXPECT_EQ(error_of(for_each_entry(fd,
                                    [&](const DirectoryEntry&) -> Result<void> {
                                      ++visits;
                                      return fail(ENOSPC);
                                    })),
            ENOSPC);
  EXPECT_EQ(visits, 1);
}

TEST_F(Stream, OfAFileFails) {
  disk.write("file", "");
  const UniqueFd fd = disk.open("file");
  DirectoryStream stream(fd);
  EXPECT_EQ(error_of(stream.next()), ENOTDIR);
}

}  // namespace
}  // namespace overpass::sys
