// SPDX-License-Identifier: MIT
//
// Directories are reached through a bounded cache of descriptors and by walks over names that
// others move meanwhile. Each directory here holds a file that says which one it is, so that
// arriving in the wrong one cannot go unnoticed.

#include "overlay/find/locate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "../union.h"
#include "overlay/change/create.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/find/attributes.h"
#include "overlay/find/lookup.h"
#include "sys/process.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::kRoot;
using unit::must;
using unit::Union;

constexpr size_t kCachedDirectories = 320;

/// What the file "id" in the directory says.
std::string identity(Union& u, const InodeRef& directory) {
  const InodeRef file = must(lookup(u.overlay(), directory, "id")).inode;
  return must(u.open_node(file, O_RDONLY)).read();
}

/// As if others had pushed its descriptors out of the cache.
void drop_descriptors(Union& u, const InodeRef& directory) {
  std::vector<SharedFd> fds;
  {
    const Lock lock(directory->directory->cache_mutex);
    for (const auto& fd : directory->directory->fds) fds.push_back(fd.lock());
  }
  for (const SharedFd& fd : fds) {
    if (fd != nullptr) u.overlay().directory_fds.drop(fd);
  }
}

TEST(Locate, ReachesMoreDirectoriesThanItKeepsOpen) {
  Union u({.lowers = 2});
  constexpr int kDirectories = 500;
  std::vector<InodeRef> directories;
  for (int i = 0; i < kDirectories; ++i) {
    const std::string number = std::to_string(i);
    const char* layers[] = {"upper/", "lower1/", "lower2/"};
    u.disk.write(layers[i % 3] + ("d/" + number + "/id"), number);
    // Some are merged, which takes more descriptors.
    if (i % 2 == 0) u.disk.directory("upper/d/" + number);
  }
  for (int i = 0; i < kDirectories; ++i) directories.push_back(u.at("d/" + std::to_string(i)));
  const size_t before = must(sys::count_open_descriptors());
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const size_t which = random() % kDirectories;
    ASSERT_EQ(identity(u, directories[which]), std::to_string(which));
    ASSERT_LE(u.overlay().directory_fds.size(), kCachedDirectories);
  }
  EXPECT_LT(must(sys::count_open_descriptors()), before + kCachedDirectories + 50);
  directories.clear();
  EXPECT_LE(u.overlay().directory_fds.size(), 2U);
}

TEST(Locate, WalksDownFromTheNearestAncestorThatIsOpen) {
  Union u;
  std::string path = "upper";
  for (int depth = 0; depth < 100; ++depth) path += "/d";
  u.disk.write(path + "/id", "bottom");
  const InodeRef bottom = u.at(path.substr(6));
  std::vector<InodeRef> others;
  for (int i = 0; i < 400; ++i) {
    u.disk.write("upper/other/" + std::to_string(i) + "/id", "");
    others.push_back(u.at("other/" + std::to_string(i)));
    (void)identity(u, others.back());
  }
  EXPECT_EQ(identity(u, bottom), "bottom");
}

class LocateWhileMoving : public testing::Test {
 protected:
  static constexpr int kTops = 6, kMiddles = 8, kLeaves = 10;

  /// a/TOP/MIDDLE/LEAF/id, all in the upper; 480 leaves.
  LocateWhileMoving() {
    for (int top = 0; top < kTops; ++top) {
      for (int middle = 0; middle < kMiddles; ++middle) {
        for (int leaf = 0; leaf < kLeaves; ++leaf) {
          const std::string path =
              std::to_string(top) + "/" + std::to_string(middle) + "/" + std::to_string(leaf);
          u_.disk.write("upper/a/" + path + "/id", path);
        }
      }
    }
    u_.disk.directory("upper/b");
    for (int top = 0; top < kTops; ++top) {
      for (int middle = 0; middle < kMiddles; ++middle) {
        for (int leaf = 0; leaf < kLeaves; ++leaf) {
          names_.push_back(std::to_string(top) + "/" + std::to_string(middle) + "/" +
                           std::to_string(leaf));
          leaves_.push_back(u_.at("a/" + names_.back()));
        }
      }
    }
  }

  /// Moves tops between "a" and "b", and exchanges middles, until told to stop.
  void move(unsigned seed) {
    std::mt19937 random(seed);
    const InodeRef a = u_.at("a"), b = u_.at("b");
    while (!is_over_) {
      const std::string top = std::to_string(random() % kTops);
      (void)rename(u_.overlay(), kRoot, {a, top.c_str()}, {b, top.c_str()}, 0);
      (void)rename(u_.overlay(), kRoot, {b, top.c_str()}, {a, top.c_str()}, 0);
      const std::string other = std::to_string(random() % kTops);
      (void)rename(u_.overlay(), kRoot, {a, top.c_str()}, {a, other.c_str()}, RENAME_EXCHANGE);
      auto first = lookup(u_.overlay(), a, top.c_str());
      auto second = lookup(u_.overlay(), a, other.c_str());
      if (!first || !second || first->inode.get() == second->inode.get()) continue;
      const std::string middle = std::to_string(random() % kMiddles);
      (void)rename(u_.overlay(), kRoot, {first->inode, middle.c_str()},
                   {second->inode, middle.c_str()}, RENAME_EXCHANGE);
    }
  }

  std::atomic<bool> is_over_ = false;
  Union u_;
  std::vector<std::string> names_;
  std::vector<InodeRef> leaves_;
};

TEST_F(LocateWhileMoving, NeverReachesAnotherDirectory) {
  std::vector<std::thread> movers;
  for (unsigned i = 0; i < 2; ++i) movers.emplace_back([this, i] { move(i); });
  std::atomic<size_t> made = 0;
  {
    std::vector<std::jthread> readers;
    for (unsigned i = 0; i < 2; ++i) {
      readers.emplace_back([&, i] {
        std::mt19937 random(100 + i);
        for (int round = 0; round < 1500; ++round) {
          const size_t which = random() % leaves_.size();
          ASSERT_EQ(identity(u_, leaves_[which]), names_[which]);
          if (round % 3 != 0) continue;
          const std::string name = "by" + std::to_string(i) + "-" + std::to_string(round);
          must(make_symlink(u_.overlay(), kRoot, leaves_[which], name.c_str(),
                            names_[which].c_str()));
          ++made;
        }
      });
    }
  }
  is_over_ = true;
  for (std::thread& mover : movers) mover.join();
  // On the disk, every link is where the file says that it should be.
  size_t found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(u_.disk.path("upper"))) {
    if (!entry.is_symlink()) continue;
    ++found;
    std::ifstream id(entry.path().parent_path() / "id");
    std::string where;
    id >> where;
    EXPECT_EQ(std::filesystem::read_symlink(entry.path()), where);
  }
  EXPECT_EQ(found, made);
}

TEST(LocateRemoved, NeverReachesAnotherDirectoryOfTheSameNameAndNumber) {
  Union u;
  ASSERT_EQ(u.make_directory("d"), 0);
  const InodeRef removed = u.at("d");
  const ino_t ino = u.disk.stat("upper/d").st_ino;
  ASSERT_EQ(u.remove_directory("d"), 0);
  // Others push its descriptors out, so that its number is free.
  std::vector<InodeRef> others;
  for (int i = 0; i < 400; ++i) {
    const std::string name = "other" + std::to_string(i);
    ASSERT_EQ(u.make_directory(name), 0);
    others.push_back(u.at(name));
    must(directory_fd(u.overlay(), *others.back(), layer::kUpper));
    ASSERT_EQ(u.remove_directory(name), 0);
  }
  // Some file systems use a number again at once, others never.
  for (int i = 0; i < 500 && !u.disk.exists("upper/d"); ++i) {
    const std::string name = "upper/new" + std::to_string(i);
    u.disk.directory(name);
    if (u.disk.stat(name).st_ino == ino) {
      std::filesystem::rename(u.disk.path(name), u.disk.path("upper/d"));
    }
  }
  RecordProperty("number_was_used_again", u.disk.exists("upper/d") ? "yes" : "no");
  u.disk.directory("upper/d");
  EXPECT_EQ(error_of(directory_fd(u.overlay(), *removed, layer::kUpper)), ESTALE);
  EXPECT_NE(error_of(make_directory(u.overlay(), kRoot, removed, "sub", 0755)), 0);
  EXPECT_FALSE(u.disk.exists("upper/d/sub"));
}

TEST(LocateRemoved, ReachesADirectoryThatIsStillHeld) {
  Union u;
  ASSERT_EQ(u.make_directory("d"), 0);
  const InodeRef removed = u.at("d");
  ASSERT_EQ(u.remove_directory("d"), 0);
  ASSERT_EQ(u.make_directory("d"), 0);
  EXPECT_EQ(must(attributes(u.overlay(), removed)).stx_nlink, 0U);
  EXPECT_NE(u.at("d").get(), removed.get());
}

TEST(LocateRemoved, ReachesNoOtherDirectoryEvenIfItHasTheNumber) {
  Union u;
  ASSERT_EQ(u.make_directory("d"), 0);
  const InodeRef removed = u.at("d");
  ASSERT_EQ(u.remove_directory("d"), 0);
  {
    const Lock lock(removed->mutex);
    ASSERT_NE(removed->extras->orphan.lock(), nullptr);
    u.overlay().orphan_fds.drop(removed->extras->orphan.lock());
  }
  // As a file system does that uses numbers again.
  u.disk.directory("upper/d");
  removed->directory->upper_ino = u.disk.stat("upper/d").st_ino;
  EXPECT_EQ(error_of(directory_fd(u.overlay(), *removed, layer::kUpper)), ESTALE);
}

TEST(LocateWhileAnAncestorIsReplaced, BlamesNoSymbolicLink) {
  // It cannot be told from an ancestor that was moved away with something made in its place.
  Union u;
  u.disk.directory("upper/a/b");
  const InodeRef a = u.at("a"), b = u.at("a/b");
  for (const InodeRef& directory : {a, b}) drop_descriptors(u, directory);
  std::filesystem::rename(u.disk.path("upper/a"), u.disk.path("upper/elsewhere"));
  std::filesystem::create_symlink("elsewhere", u.disk.path("upper/a"));
  EXPECT_EQ(error_of(directory_fd(u.overlay(), *b, layer::kUpper)), ESTALE);
}

TEST(LocateWhileTheParentGoes, DropsItSafely) {
  // A stat that began in one directory ends in another, and was the last to hold the first.
  Union u;
  u.write("target", "");
  for (int round = 0; round < 300; ++round) {
    const std::string name = "d" + std::to_string(round);
    ASSERT_EQ(u.make_directory(name), 0);
    u.write(name + "/file", "text");
    const InodeRef file = u.at(name + "/file");
    std::jthread stats([&] {
      for (int i = 0; i < 5; ++i) EXPECT_EQ(must(attributes(u.overlay(), file)).stx_size, 4U);
    });
    ASSERT_EQ(u.rename(name + "/file", "target"), 0);
    ASSERT_EQ(u.remove_directory(name), 0);
  }
}

}  // namespace
}  // namespace overpass::overlay
