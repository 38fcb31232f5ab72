// SPDX-License-Identifier: MIT
//
// The order of locks as the running program checks it, and the guards.

#include "base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include <atomic>
#include <string>
#include <thread>

#include "together.h"

namespace overpass {
namespace {

/// Of every rank the order knows, outermost first.
constexpr LockRank kRanks[] = {
    LockRank::DirectoryHandle, LockRank::Directory,  LockRank::Inode, LockRank::DirectoryFds,
    LockRank::TableShard,      LockRank::ClockCache, LockRank::Queue, LockRank::InodeNumbers};

TEST(LockRank, HasANameForEachRank) {
  for (const LockRank rank : kRanks) EXPECT_NE(name_of(rank), std::string("?"));
}

TEST(Mutex, LetsOneThreadInAtATime) {
  Mutex<LockRank::Inode> mutex;
  int inside = 0;
  bool was_alone = true;
  auto work = [&] {
    for (int i = 0; i < 2000; ++i) {
      const Lock lock(mutex);
      was_alone = was_alone && inside == 0;
      ++inside;
      --inside;
    }
  };
  unit::run_together({work, work, work});
  EXPECT_TRUE(was_alone);
}

TEST(SharedMutex, LetsReadersInTogetherAndNoWriterBeside) {
  SharedMutex<LockRank::Directory> mutex;
  std::atomic<bool> second_is_in = false;
  {
    const SharedLock first(mutex);
    std::thread other([&] {
      const SharedLock second(mutex);
      second_is_in = true;
    });
    other.join();  // Would never end if readers kept each other out.
  }
  EXPECT_TRUE(second_is_in);
  int value = 0;
  auto write = [&] {
    for (int i = 0; i < 1000; ++i) {
      const Lock lock(mutex);
      ++value;
    }
  };
  auto read = [&] {
    for (int i = 0; i < 1000; ++i) {
      const SharedLock lock(mutex);
      EXPECT_LE(value, 2000);
    }
  };
  unit::run_together({write, write, read});
  EXPECT_EQ(value, 2000);
}

TEST(CompactMutex, LetsOneThreadInAtATime) {
  CompactMutex<LockRank::Inode> mutex;
  static_assert(sizeof(SmallMutex) == 4);
  int value = 0;
  auto count = [&] {
    for (int i = 0; i < 20000; ++i) {
      const Lock lock(mutex);
      ++value;
    }
  };
  unit::run_together({count, count, count});
  EXPECT_EQ(value, 60000);
}

TEST(CompactMutex, WakesAllWaiters) {
  SmallMutex mutex;
  int value = 0;
  auto wait = [&] {
    mutex.lock();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ++value;
    mutex.unlock();
  };
  unit::run_together({wait, wait, wait, wait, wait, wait});
  EXPECT_EQ(value, 6);
  EXPECT_TRUE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();
}

TEST(LockPair, HoldsBothInEitherOrder) {
  Mutex<LockRank::Inode> a, b;
  int value = 0;
  auto one_way = [&] {
    for (int i = 0; i < 2000; ++i) {
      const LockPair locks(a, b);
      ++value;
    }
  };
  auto other_way = [&] {
    for (int i = 0; i < 2000; ++i) {
      const LockPair locks(b, a);
      ++value;
    }
  };
  unit::run_together({one_way, other_way});
  EXPECT_EQ(value, 4000);
}

TEST(LockPair, HoldsCompactOnesToo) {
  CompactMutex<LockRank::Inode> a, b;
  int value = 0;
  auto one_way = [&] {
    for (int i = 0; i < 2000; ++i) {
      const LockPair locks(a, b);
      ++value;
    }
  };
  auto other_way = [&] {
    for (int i = 0; i < 2000; ++i) {
      const LockPair locks(b, a);
      ++value;
    }
  };
  unit::run_together({one_way, other_way});
  EXPECT_EQ(value, 4000);
}

TEST(LockPair, TakesTheSameMutexOnce) {
  Mutex<LockRank::Inode> mutex;
  { const LockPair locks(mutex, mutex); }
  const Lock free_again(mutex);
}

TEST(LockOrder, AllowsInnerLocksUnderOuterOnesAndTheSameAgainLater) {
  Mutex<LockRank::Directory> directory;
  Mutex<LockRank::Inode> inode;
  Mutex<LockRank::TableShard> shard;
  for (int i = 0; i < 2; ++i) {
    const Lock first(directory);
    {
      const Lock second(inode);
      const Lock third(shard);
    }
    const Lock again(inode);
  }
}

TEST(LockOrder, AllowsAChildUnderItsParent) {
  SharedMutex<LockRank::Directory> parent, child;
  const Lock outer(parent);
  const NestedLock inner(child);
}

#ifndef NDEBUG

TEST(LockOrderDeathTest, NamesBothLocksOfAViolation) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  Mutex<LockRank::Directory> directory;
  Mutex<LockRank::Inode> inode;
  EXPECT_DEATH(
      {
        const Lock first(inode);
        const Lock second(directory);
      },
      "taking Directory while holding Inode");
}

TEST(LockOrderDeathTest, ForbidsTwoLocksOfOneRankOneByOne) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  Mutex<LockRank::Inode> a, b;
  EXPECT_DEATH(
      {
        const Lock first(a);
        const Lock second(b);
      },
      "taking Inode while holding Inode");
}

TEST(LockOrderDeathTest, CountsSharedLocksToo) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  SharedMutex<LockRank::Directory> names;
  Mutex<LockRank::DirectoryHandle> handle;
  EXPECT_DEATH(
      {
        const SharedLock first(names);
        const Lock second(handle);
      },
      "taking DirectoryHandle while holding Directory");
}

#endif

}  // namespace
}  // namespace overpass
