// SPDX-License-Identifier: MIT
//
// The inode table under several threads: every race that lookups, forgets and ending inodes can
// have. What goes wrong shows as a failed claim here, or as a report of ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "overlay/state/inode_table.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {
namespace {

constexpr unsigned kThreads = 4;
constexpr int kRounds = 20'000;

class InodeTableThreads : public testing::Test {
 protected:
  InodeTableThreads() : table_([this](Inode&) { ++destroyed_; }), root_(make(1, S_IFDIR)) {}

  InodeRef make(uint64_t number, mode_t type) {
    InodeRef inode = table_.make(number, type);
    if (S_ISDIR(type)) inode->directory = std::make_unique<Directory>();
    if (number > 1) ++made_;
    return inode;
  }

  /// What a LOOKUP does: finds the name or enters an inode for it.
  InodeRef look_up(const std::string& name, uint64_t number) {
    if (InodeRef known = table_.find(*root_, name)) return known;
    return table_.insert(make(number, S_IFREG), root_, name);
  }

  /// Runs `work(thread, random)` in each of the threads at the same time.
  template <class Work>
  void run_together(Work work) {
    std::latch start(kThreads);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937 random(i + 1);
        start.arrive_and_wait();
        work(i, random);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::atomic<size_t> made_ = 0, destroyed_ = 0;
  InodeTable table_;
  const InodeRef root_;
};

TEST_F(InodeTableThreads, AgreeOnOneInodeOfAName) {
  // All threads enter the same names; with every one held, each name has one inode.
  constexpr int kNames = 2000;
  std::vector<std::vector<InodeRef>> found(kThreads);
  run_together([&](unsigned thread, std::mt19937&) {
    for (int i = 0; i < kNames; ++i) {
      found[thread].push_back(look_up(std::to_string(i), 100 + static_cast<uint64_t>(i)));
    }
  });
  for (int i = 0; i < kNames; ++i) {
    for (unsigned thread = 1; thread < kThreads; ++thread) {
      ASSERT_EQ(found[thread][static_cast<size_t>(i)].get(),
                found[0][static_cast<size_t>(i)].get());
    }
  }
  found.clear();
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(made_, destroyed_);
}

TEST_F(InodeTableThreads, MeetInodesOnTheirWayOut) {
  // Few names, and no reference is kept: almost every reference is a last one.
  run_together([&](unsigned, std::mt19937& random) {
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t number = 2 + random() % 3;
      const InodeRef inode = look_up(std::to_string(number), number);
      ASSERT_EQ(inode->ino, number);
      ASSERT_EQ(inode->link.name, std::to_string(number));
      ASSERT_EQ(table_.find(inode->id).get(), inode.get());
    }
  });
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(made_, destroyed_);
}

TEST_F(InodeTableThreads, CountTheKernelsLookupsExactly) {
  // A lookup in one thread, the forget of it in the next one, as they come from the kernel.
  std::array<std::atomic<uint64_t>, kThreads> passed_on = {};
  run_together([&](unsigned thread, std::mt19937& random) {
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t number = 2 + random() % 4;
      NodeId id;
      {
        const InodeRef inode = look_up(std::to_string(number), number);
        table_.remember(*inode);
        id = inode->id;
      }
      const uint64_t other = passed_on[(thread + 1) % kThreads].exchange(static_cast<uint64_t>(id));
      if (other == 0) continue;
      ASSERT_TRUE(table_.find(NodeId{other})) << "forgotten although remembered";
      table_.forget(NodeId{other}, 1);
    }
  });
  for (auto& id : passed_on) table_.forget(NodeId{id.load()}, 1);
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(made_, destroyed_);
}

TEST_F(InodeTableThreads, AgreeOnOneInodeOfAHardLinkedFile) {
  run_together([&](unsigned thread, std::mt19937& random) {
    for (int i = 0; i < kRounds; ++i) {
      const FileKey key = {7, 1 + random() % 3};
      InodeRef inode = table_.find_by_key(key);
      if (!inode) {
        inode = make(100 + thread, S_IFREG);
        inode->make_extras().upper_key = key;
        inode = table_.index_by_key(inode, key);
      }
      ASSERT_EQ(inode->upper_key(), key);
    }
  });
  for (uint64_t ino = 1; ino <= 3; ++ino) EXPECT_FALSE(table_.find_by_key({7, ino}));
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(made_, destroyed_);
}

TEST_F(InodeTableThreads, MoveNamesThatOthersLookFor) {
  // Each thread moves a file of its own to and fro; the others look for all of them.
  std::vector<InodeRef> files;
  for (unsigned i = 0; i < kThreads; ++i) {
    files.push_back(table_.insert(make(100 + i, S_IFREG), root_, "0-" + std::to_string(i)));
  }
  run_together([&](unsigned thread, std::mt19937& random) {
    Link& own = files[thread]->link;
    for (int i = 0; i < kRounds; ++i) {
      table_.unindex(own);
      own.name = std::to_string(i % 2) + "-" + std::to_string(thread);
      table_.index(own);
      const unsigned other = random() % kThreads;
      for (const char* place : {"0-", "1-"}) {
        const InodeRef found = table_.find(*root_, place + std::to_string(other));
        ASSERT_TRUE(!found || found.get() == files[other].get());
      }
    }
  });
  EXPECT_EQ(table_.size(), 1U + kThreads);
}

TEST_F(InodeTableThreads, GrowAndEmptyTheTable) {
  run_together([&](unsigned thread, std::mt19937& random) {
    std::vector<InodeRef> held;
    for (int i = 0; i < kRounds; ++i) {
      const std::string name = std::to_string(thread) + "-" + std::to_string(i);
      held.push_back(table_.insert(make(100, S_IFREG), root_, name));
      if (held.size() > 500) held.erase(held.begin() + random() % 500);
    }
    for (const InodeRef& inode : held) ASSERT_EQ(table_.find(inode->id).get(), inode.get());
  });
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(made_, destroyed_);
}

}  // namespace
}  // namespace overpass::overlay
