// SPDX-License-Identifier: MIT
//
// READDIR and READDIRPLUS as the kernel parses them, FSYNCDIR; OPENDIR and RELEASEDIR.

#include <dirent.h>

#include <map>

#include "fuse_test.h"

namespace overpass::unit {
namespace {

/// struct fuse_dirent without its name.
struct Dirent {
  uint64_t ino, off;
  uint32_t namelen, type;
};
static_assert(sizeof(Dirent) == FUSE_NAME_OFFSET);

struct Entry {
  Dirent dirent;
  std::string name;
  fuse_entry_out entry;
};

/// What parse_dirfile() and parse_dirplusfile() of the kernel accept; a throw is their EIO.
std::vector<Entry> parse(const std::string& listing, bool plus) {
  std::vector<Entry> entries;
  for (size_t at = 0; at < listing.size();) {
    Entry parsed = {};
    const size_t dirent_at = plus ? at + offsetof(fuse_direntplus, dirent) : at;
    if (plus) parsed.entry = value_at<fuse_entry_out>(listing, at);
    parsed.dirent = value_at<Dirent>(listing, dirent_at);
    parsed.name = listing.substr(dirent_at + FUSE_NAME_OFFSET, parsed.dirent.namelen);
    if (parsed.name.size() != parsed.dirent.namelen || parsed.name.empty() ||
        parsed.name.find('/') != std::string::npos) {
      throw std::runtime_error("the kernel would refuse this entry");
    }
    at = dirent_at + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + parsed.name.size());
    entries.push_back(std::move(parsed));
  }
  return entries;
}

class DirectoryOps : public FuseTest {
 protected:
  /// All entries, as many at a time as fit into `size`.
  std::vector<Entry> list(uint64_t node, bool plus, uint32_t size = 4096) {
    std::vector<Entry> all;
    while (true) {
      const uint64_t offset = all.empty() ? 0 : all.back().dirent.off;
      const Answer answer = read(node, 0, offset, size, plus ? FUSE_READDIRPLUS : FUSE_READDIR);
      EXPECT_EQ(answer.error, 0);
      EXPECT_LE(answer.payload.size(), size);
      const auto entries = parse(answer.payload, plus);
      if (entries.empty()) return all;
      all.insert(all.end(), entries.begin(), entries.end());
    }
  }
  void SetUp() override {
    fuse.disk.write("lower/below", "text");
    fuse.disk.write("lower/both", "lower");
    fuse.disk.write("upper/both", "upper!");
    fuse.disk.directory("upper/directory");
  }
};

TEST_F(DirectoryOps, ReaddirListsEachNameOnceWithItsNumber) {
  std::map<std::string, Entry> shown;
  for (const Entry& entry : list(kRootId, false)) {
    EXPECT_TRUE(shown.emplace(entry.name, entry).second) << entry.name;
  }
  EXPECT_EQ(shown.size(), 5U);
  EXPECT_EQ(shown.at("below").dirent.ino, fuse.disk.stat("lower/below").st_ino);
  EXPECT_EQ(shown.at("both").dirent.ino, fuse.disk.stat("upper/both").st_ino);
  EXPECT_EQ(shown.at("below").dirent.type, uint32_t{DT_REG});
  EXPECT_EQ(shown.at("directory").dirent.type, uint32_t{DT_DIR});
  EXPECT_EQ(shown.at(".").dirent.type, uint32_t{DT_DIR});
}

TEST_F(DirectoryOps, ReaddirplusCountsALookupOfEachEntry) {
  std::map<std::string, Entry> shown;
  for (const Entry& entry : list(kRootId, true)) shown.emplace(entry.name, entry);
  // The kernel looks neither up, and counts neither.
  EXPECT_EQ(shown.at(".").entry.nodeid, 0U);
  EXPECT_EQ(shown.at("..").entry.nodeid, 0U);
  EXPECT_EQ(shown.at("both").entry.attr.size, 6U);
  const uint64_t node = shown.at("below").entry.nodeid;
  ASSERT_NE(node, 0U);
  EXPECT_EQ(shown.at("below").entry.attr.ino, fuse.disk.stat("lower/below").st_ino);
  (void)fuse.send(FUSE_FORGET, node, bytes_of(fuse_forget_in{1}));
  EXPECT_EQ(fuse.call(FUSE_GETATTR, node, bytes_of(fuse_getattr_in{})).error, ESTALE);
}

TEST_F(DirectoryOps, ListingsComeInPiecesOfAnySize) {
  for (int i = 0; i < 100; ++i) fuse.disk.write("lower/many/" + std::to_string(i), "");
  const uint64_t node = node_of("many");
  for (const bool plus : {false, true}) {
    for (const uint32_t size : {200U, 333U, 4096U, 65536U}) {
      std::map<std::string, int> seen;
      for (const Entry& entry : list(node, plus, size)) ++seen[entry.name];
      EXPECT_EQ(seen.size(), 102U) << size;
    }
    EXPECT_EQ(read(node, 0, 0, 0, plus ? FUSE_READDIRPLUS : FUSE_READDIR).payload, "");
    EXPECT_EQ(read(node, 0, 0, 20, plus ? FUSE_READDIRPLUS : FUSE_READDIR).payload, "");
  }
}

TEST_F(DirectoryOps, ListingsThatDoNotArriveCountNothing) {
  const int64_t before = count_of("inodes");
  fuse.send_and_leave(FUSE_READDIRPLUS, kRootId, bytes_of(fuse_read_in{.size = 4096}));
  EXPECT_EQ(count_of("inodes"), before);
}

TEST_F(DirectoryOps, ListingsGoOnFromAnyOffset) {
  const auto all = list(kRootId, false);
  for (size_t i = 0; i < all.size(); ++i) {
    const Answer rest = read(kRootId, 0, all[i].dirent.off, 4096, FUSE_READDIR);
    EXPECT_EQ(parse(rest.payload, false).size(), all.size() - i - 1);
  }
  EXPECT_EQ(read(kRootId, 0, INT64_MAX, 4096, FUSE_READDIR).payload, "");
}

TEST_F(DirectoryOps, FsyncdirAnswersWhenTheDirectoryIsOnDisk) {
  EXPECT_EQ(fuse.call(FUSE_FSYNCDIR, kRootId, bytes_of(fuse_fsync_in{})).error, 0);
  EXPECT_EQ(fuse.call(FUSE_FSYNCDIR, node_of("directory"), bytes_of(fuse_fsync_in{})).error, 0);
}

TEST_F(DirectoryOps, OpendirIsNotWantedAndReleasedirIsTaken) {
  EXPECT_EQ(fuse.call(FUSE_OPENDIR, kRootId, bytes_of(fuse_open_in{})).error, ENOSYS);
  EXPECT_EQ(fuse.call(FUSE_RELEASEDIR, kRootId, bytes_of(fuse_release_in{})).error, 0);
}

}  // namespace
}  // namespace overpass::unit
