// SPDX-License-Identifier: MIT
//
// Nodes that are made again from the records of a daemon that ended: ids, names and counts are what
// the kernel was told.

#include "overlay/find/restore.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../union.h"
#include "sys/shared_memory.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Union;

constexpr int kDirectories = 40;
constexpr int kFilesInEach = 300;  // More names of a shard than are entered at once.

std::string directory_of(int number) { return "directory" + std::to_string(number); }

class RestoreTest : public testing::Test {
 protected:
  static constexpr size_t kMostPaths = 16384;

  explicit RestoreTest(size_t lowers = 1)
      : u_{{.lowers = lowers, .on = "/dev/shm"}}, lowest_("lower" + std::to_string(lowers) + "/") {
    for (int directory = 0; directory < kDirectories; ++directory) {
      const std::string parent = directory_of(directory);
      u_.disk.directory(lowest_ + parent);
      for (int file = 0; file < kFilesInEach; ++file) {
        add(parent + "/file" + std::to_string(file) + std::string(file % 3 == 0 ? 40 : 0, 'n'));
      }
    }
  }

  void add(const std::string& path) {
    u_.disk.write(lowest_ + path, "");
    paths_.push_back(path);
  }

  uint64_t* told() const { return reinterpret_cast<uint64_t*>(told_.begin()); }

  /// A former daemon, which had so many layers less: `serve` runs in a process of its own, which
  /// ends without giving up a node.
  void live(const std::function<void(InodeTable&)>& serve, layer::LayerIndex less = 0) {
    const pid_t child = ::fork();
    if (child == 0) {
      NodeRecords records(memory_.begin());
      InodeTable& table = u_.overlay().table;
      table.keep_records(records, u_.overlay().stack.size());
      records.set_layers(u_.overlay().stack.size() - less);
      serve(table);
      ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  /// The kernel is told of the path, and of each directory that leads there, once.
  InodeRef tell(InodeTable& table, size_t which) {
    const std::string parent = Union::split(paths_[which]).directory;
    const InodeRef directory = u_.at(parent);
    if (directory->lookups == 0) table.remember(*directory);
    InodeRef inode = u_.at(paths_[which]);
    table.remember(*inode);
    told()[which] = static_cast<uint64_t>(inode->id);
    return inode;
  }

  Restored restore() {
    records_ = std::make_unique<NodeRecords>(memory_.begin());
    u_.overlay().table.keep_records(*records_, u_.overlay().stack.size());
    return restore_nodes(u_.overlay(), *records_, {}, [](NodeId) { return SharedFd(); });
  }

  // What the union's table writes to until it goes.
  sys::SharedMemory memory_ = *sys::SharedMemory::make(NodeRecords::size());
  sys::SharedMemory told_ = *sys::SharedMemory::make(kMostPaths * sizeof(uint64_t));
  std::unique_ptr<NodeRecords> records_;
  Union u_;
  const std::string lowest_;
  std::vector<std::string> paths_;
};

TEST_F(RestoreTest, EveryNameLeadsToTheNodeThatTheKernelHas) {
  live([this](InodeTable& table) {
    for (size_t i = 0; i < paths_.size(); ++i) (void)tell(table, i);
  });
  const Restored restored = restore();
  EXPECT_EQ(restored.nodes, paths_.size() + kDirectories);
  EXPECT_EQ(restored.lost, 0U);
  InodeTable& table = u_.overlay().table;
  for (size_t i = 0; i < paths_.size(); ++i) {
    const InodeRef inode = table.find(NodeId{told()[i]});
    ASSERT_TRUE(inode) << paths_[i];
    EXPECT_EQ(inode->lookups, 1U);
    const auto [directory, name] = Union::split(paths_[i]);
    EXPECT_EQ(table.find(*u_.at(directory), name).get(), inode.get()) << paths_[i];
  }
}

TEST_F(RestoreTest, WhatTheKernelForgetsThenGoes) {
  live([this](InodeTable& table) {
    for (size_t i = 0; i < paths_.size(); ++i) (void)tell(table, i);
  });
  (void)restore();
  InodeTable& table = u_.overlay().table;
  for (const NodeId node : table.known_nodes()) table.forget(node, 1);
  EXPECT_EQ(table.size(), 1U);
  // And the names with it: they are looked up anew.
  EXPECT_NE(static_cast<uint64_t>(u_.at(paths_[0])->id), told()[0]);
}

TEST_F(RestoreTest, ADirectoryThatTheKernelForgotLivesWithItsFiles) {
  live([this](InodeTable& table) {
    const InodeRef inode = tell(table, 0);
    table.forget(inode->link.parent->id, 1);
  });
  EXPECT_EQ(restore().nodes, 2U);
  InodeTable& table = u_.overlay().table;
  EXPECT_EQ(table.size(), 3U);
  table.forget(NodeId{told()[0]}, 1);
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(RestoreTest, IdsOfForgottenNodesAreNotGivenAgain) {
  live([this](InodeTable& table) {
    for (size_t i = 0; i < paths_.size(); ++i) (void)tell(table, i);
    for (size_t i = 0; i < paths_.size(); i += 2) table.forget(NodeId{told()[i]}, 1);
  });
  EXPECT_EQ(restore().nodes, paths_.size() / 2 + kDirectories);
  InodeTable& table = u_.overlay().table;
  for (size_t i = 0; i < paths_.size(); i += 2) {
    EXPECT_FALSE(table.find(NodeId{told()[i]})) << paths_[i];
    EXPECT_NE(static_cast<uint64_t>(u_.at(paths_[i])->id), told()[i]) << paths_[i];
  }
}

TEST_F(RestoreTest, WhatIsNotThereAnyMoreIsLost) {
  live([this](InodeTable& table) {
    for (size_t i = 0; i < paths_.size(); ++i) (void)tell(table, i);
  });
  ::rename(u_.disk.path("lower1/" + directory_of(0)).c_str(),
           u_.disk.path("lower1/elsewhere").c_str());
  const Restored restored = restore();
  EXPECT_EQ(restored.nodes + restored.lost, paths_.size() + kDirectories);
  EXPECT_EQ(error_of(u_.look_up(paths_[0])), ENOENT);
  EXPECT_TRUE(u_.overlay().table.find(NodeId{told()[kFilesInEach]}));
}

/// The topmost lower is empty for the former daemon, as if it were not there.
class RestoreWithAnotherLower : public RestoreTest {
 protected:
  RestoreWithAnotherLower() : RestoreTest(2) {
    live(
        [this](InodeTable& table) {
          for (size_t i = 0; i < paths_.size(); ++i) (void)tell(table, i);
        },
        1);
  }

  InodeRef told_of(size_t which) { return u_.overlay().table.find(NodeId{told()[which]}); }
};

TEST_F(RestoreWithAnotherLower, WhatItDoesNotHideKeepsItsNodes) {
  const Restored restored = restore();
  EXPECT_TRUE(restored.has_other_layers);
  EXPECT_EQ(restored.nodes, paths_.size() + kDirectories);
  for (size_t i = 0; i < paths_.size(); ++i) {
    ASSERT_TRUE(told_of(i)) << paths_[i];
    EXPECT_EQ(told_of(i)->layer, 2);
    EXPECT_EQ(u_.at(paths_[i]).get(), told_of(i).get()) << paths_[i];
  }
}

TEST_F(RestoreWithAnotherLower, ADirectoryThatItHasAsWellIsMerged) {
  u_.disk.directory("lower1/" + directory_of(0));
  u_.disk.write("lower1/" + directory_of(0) + "/another", "");
  (void)restore();
  EXPECT_EQ(u_.at(paths_[0]).get(), told_of(0).get());
  EXPECT_EQ(told_of(0)->link.parent.get(), u_.at(directory_of(0)).get());
  EXPECT_EQ(u_.at(directory_of(0) + "/another")->layer, 1);
}

TEST_F(RestoreWithAnotherLower, AFileThatItHidesHasItsNodeAndNotItsName) {
  u_.disk.directory("lower1/" + directory_of(0));
  u_.disk.write("lower1/" + paths_[0], "hides");
  (void)restore();
  const InodeRef shown = u_.at(paths_[0]);
  EXPECT_EQ(shown->layer, 1);
  ASSERT_TRUE(told_of(0));
  EXPECT_NE(told_of(0).get(), shown.get());
  EXPECT_FALSE(told_of(0)->linked);
}

TEST_F(RestoreWithAnotherLower, WhatIsInADirectoryThatItHidesIsStale) {
  u_.disk.write("lower1/" + directory_of(0), "a file");
  (void)restore();
  EXPECT_EQ(error_of(u_.look_up(paths_[0])), ENOTDIR);
  const InodeRef hidden = told_of(0);
  ASSERT_TRUE(hidden);
  EXPECT_EQ(error_of(u_.open_node(hidden, O_RDONLY)), ESTALE);
  EXPECT_TRUE(hidden->link.parent->is_stale);
  EXPECT_EQ(u_.at(paths_[kFilesInEach]).get(), told_of(kFilesInEach).get());
}

}  // namespace
}  // namespace overpass::overlay
