// SPDX-License-Identifier: MIT
//
// Objects are told apart from those that take their place, and permissions from fewer ones.

#include "overlay/state/identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "../../sys/scratch.h"
#include "../union.h"
#include "overlay/find/locate.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;
using unit::Union;

sys::Stat stat_of(const Scratch& disk, const char* name) {
  return must(sys::stat(sys::place_of(disk.open(name, O_PATH | O_NOFOLLOW))));
}

TEST(Identity, IsThatOfAnObjectWhateverHappensToIt) {
  const Scratch disk;
  disk.write("file", "content");
  const Identity before = identity_of(stat_of(disk, "file"));
  disk.write("file", "other content");
  std::filesystem::permissions(disk.path("file"), std::filesystem::perms::owner_read);
  std::filesystem::create_hard_link(disk.path("file"), disk.path("link"));
  std::filesystem::rename(disk.path("file"), disk.path("moved"));
  EXPECT_EQ(identity_of(stat_of(disk, "moved")), before);
  EXPECT_EQ(identity_of(stat_of(disk, "link")), before);
}

TEST(Identity, TellsStatesOfAFileApart) {
  const Scratch disk;
  disk.write("file", "content");
  const sys::Stat stat = stat_of(disk, "file");
  const auto changed = [&](auto change) {
    sys::Stat other = stat;
    change(other);
    return other;
  };
  const auto first = [&](const sys::Stat& other) { return is_unchanged(stat, other); };
  const sys::Stat others[] = {
      changed([](sys::Stat& s) { ++s.stx_size; }),
      changed([](sys::Stat& s) { ++s.stx_mtime.tv_sec; }),
      changed([](sys::Stat& s) { ++s.stx_mtime.tv_nsec; }),
      changed([](sys::Stat& s) { ++s.stx_ctime.tv_sec; }),
      changed([](sys::Stat& s) { ++s.stx_ctime.tv_nsec; }),
  };
  for (const sys::Stat& other : others) {
    EXPECT_FALSE(first(other)) << &other - others;
    EXPECT_NE(version_of(stat), version_of(other)) << &other - others;
  }
  const auto read = changed([](sys::Stat& s) { ++s.stx_atime.tv_sec; });
  EXPECT_TRUE(first(read));
  EXPECT_EQ(version_of(stat), version_of(read));
  EXPECT_FALSE(first(changed([](sys::Stat& s) { ++s.stx_ino; })));
  EXPECT_FALSE(first(changed([](sys::Stat& s) { s.stx_mode ^= 0111; })));
  EXPECT_NE(version_of(stat), 0U);
}

TEST(Identity, TellsObjectsApartThatHaveTheSameNumber) {
  const Scratch disk;
  disk.write("file", "");
  const sys::Stat stat = stat_of(disk, "file");
  sys::Stat other = stat;
  ++other.stx_btime.tv_nsec;
  EXPECT_NE(identity_of(stat), identity_of(other)) << "made later";
  other = stat;
  ++other.stx_dev_minor;
  EXPECT_NE(identity_of(stat), identity_of(other)) << "on another device";
  other = stat;
  other.stx_mask &= ~STATX_BTIME;
  EXPECT_NE(identity_of(stat), identity_of(other)) << "without a birth time";
}

struct Row {
  const char* name;
  mode_t known;
  mode_t found;
  Recognition stable;
  Recognition unstable;
};

TEST(Recognize, GoesByPermissionsThatTheKernelBelievesIn) {
  using enum Recognition;
  const Row rows[] = {
      {"the same", S_IFREG | 0644, S_IFREG | 0644, Same, Same},
      {"more permissions", S_IFREG | 0600, S_IFREG | 0644, Same, Same},
      {"fewer permissions", S_IFREG | 0644, S_IFREG | 0604, Restricted, Another},
      {"set-id bits fell", S_IFREG | 06755, S_IFREG | 0755, Same, Same},
      {"another type", S_IFREG | 0644, S_IFIFO | 0644, Another, Another},
  };
  sys::Stat known = {};
  for (const Row& row : rows) {
    known.stx_mode = static_cast<uint16_t>(row.known);
    sys::Stat found = known;
    found.stx_mode = static_cast<uint16_t>(row.found);
    EXPECT_EQ(recognize(known_object(known), found, true), row.stable) << row.name;
    EXPECT_EQ(recognize(known_object(known), found, false), row.unstable) << row.name;
  }
}

TEST(Recognize, GoesByOwnerGroupAndNumber) {
  const sys::Stat known = {};
  for (uint32_t sys::Stat::*owner : {&sys::Stat::stx_uid, &sys::Stat::stx_gid}) {
    sys::Stat found = known;
    ++(found.*owner);
    EXPECT_EQ(recognize(known_object(known), found, true), Recognition::Restricted);
    EXPECT_EQ(recognize(known_object(known), found, false), Recognition::Another);
  }
  sys::Stat found = known;
  ++found.stx_ino;
  EXPECT_EQ(recognize(known_object(known), found, true), Recognition::Another);
  EXPECT_EQ(recognize(known_object(known), found, false), Recognition::Same);
}

TEST(Held, IsTheFileItselfWhateverItsNameLeadsTo) {
  Union u;
  u.disk.write("upper/file", "content");
  const InodeRef inode = u.at("file");
  const Located located = must(held(u.overlay(), *inode));
  std::filesystem::rename(u.disk.path("upper/file"), u.disk.path("upper/elsewhere"));
  u.disk.write("upper/file", "another");
  EXPECT_EQ(must(sys::stat(located.place())).stx_size, 7U);
  EXPECT_EQ(must(sys::stat(located.place())).stx_ino, u.disk.stat("upper/elsewhere").st_ino);
}

TEST(Held, IsRefusedWhereTheNameLeadsToAnother) {
  Union u;
  u.disk.write("upper/file", "content");
  const InodeRef inode = u.at("file");
  std::filesystem::rename(u.disk.path("upper/file"), u.disk.path("upper/elsewhere"));
  EXPECT_EQ(error_of(held(u.overlay(), *inode)), ESTALE);
  u.disk.write("upper/file", "another");
  EXPECT_EQ(error_of(held(u.overlay(), *inode)), ESTALE);
  EXPECT_TRUE(inode->is_stale);
  EXPECT_NE(u.at("file")->id, inode->id) << "the next lookup finds the other";
}

}  // namespace
}  // namespace overpass::overlay
