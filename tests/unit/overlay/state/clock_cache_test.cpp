// SPDX-License-Identifier: MIT
//
// The bounded cache: what it keeps, what it gives up first, and that its bound holds under threads.

#include "overlay/state/clock_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

namespace overpass::overlay {
namespace {

struct Thing : Cached {
  Thing(int value, size_t heavy, std::set<int>* gone) : id(value), weighs(heavy), ends(gone) {}
  ~Thing() {
    if (ends != nullptr) ends->insert(id);
  }
  size_t weight() const { return weighs; }

  const int id;
  const size_t weighs;
  std::set<int>* const ends;
};

class ClockCacheTest : public testing::Test {
 protected:
  std::shared_ptr<const Thing> thing(int id, size_t weight = 1) {
    return std::make_shared<Thing>(id, weight, &gone_);
  }

  std::set<int> gone_;
  ClockCache<Thing> cache_{3};
};

using ClockCacheBound = ClockCacheTest;

TEST_F(ClockCacheBound, KeepsItemsThatFit) {
  for (int id = 0; id < 3; ++id) cache_.keep(thing(id));
  EXPECT_EQ(cache_.size(), 3U);
  EXPECT_TRUE(gone_.empty());
}

TEST_F(ClockCacheBound, PushesItemsOutForNewOnes) {
  for (int id = 0; id < 10; ++id) cache_.keep(thing(id));
  EXPECT_EQ(cache_.size(), 3U);
  EXPECT_EQ(gone_.size(), 7U);
  EXPECT_FALSE(gone_.contains(9));
}

TEST_F(ClockCacheBound, SparesItemsUsedSinceTheHandPassed) {
  std::vector<std::weak_ptr<const Thing>> things;
  for (int id = 0; id < 3; ++id) {
    auto made = thing(id);
    things.push_back(made);
    cache_.keep(std::move(made));
  }
  cache_.keep(thing(3));  // The hand passed all of them and took one.
  ASSERT_EQ(gone_.size(), 1U);
  for (const auto& candidate : things) {
    if (const auto used = candidate.lock()) {
      used->used = true;
      const int id = used->id;
      cache_.keep(thing(4));
      EXPECT_FALSE(gone_.contains(id));
      return;
    }
  }
}

TEST_F(ClockCacheBound, CountsWeights) {
  cache_.keep(thing(0, 2));
  cache_.keep(thing(1, 1));
  EXPECT_EQ(cache_.size(), 2U);
  cache_.keep(thing(2, 2));
  EXPECT_TRUE(gone_.contains(0));
}

TEST_F(ClockCacheBound, KeepsOneThingThatIsTooHeavyByItself) {
  cache_.keep(thing(0));
  cache_.keep(thing(1, 100));
  EXPECT_EQ(cache_.size(), 1U);
  EXPECT_EQ(gone_, std::set<int>{0});
  cache_.keep(thing(2));
  EXPECT_EQ(gone_, (std::set<int>{0, 1}));
}

TEST_F(ClockCacheBound, KeepsNothingAliveThatWasDropped) {
  auto first = thing(0);
  auto second = thing(1);
  cache_.keep(first);
  cache_.keep(second);
  cache_.drop(first);
  cache_.drop(first);
  first.reset();
  EXPECT_EQ(gone_, std::set<int>{0});
  EXPECT_EQ(cache_.size(), 1U);
  cache_.drop(second);
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(ClockCacheBound, IgnoresDropsOfWhatItNeverKept) {
  cache_.keep(thing(0));
  cache_.drop(thing(1));
  EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(ClockCacheBound, EndsThingsWithoutHoldingItsLock) {
  // A thing's end may come back to the cache, as an inode's does.
  struct Chained : Cached {
    explicit Chained(ClockCache<Chained>& cache) : home(cache) {}
    ~Chained() { (void)home.size(); }
    size_t weight() const { return 1; }
    ClockCache<Chained>& home;
  };
  ClockCache<Chained> cache(2);
  for (int i = 0; i < 10; ++i) cache.keep(std::make_shared<Chained>(cache));
  auto last = std::make_shared<const Chained>(cache);
  cache.keep(last);
  cache.drop(last);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(ClockCacheThreads, NeverExceedTheBoundNorLoseCount) {
  struct Counted : Cached {
    explicit Counted(std::atomic<int>& count) : alive(count) { ++alive; }
    ~Counted() { --alive; }
    size_t weight() const { return 1; }
    std::atomic<int>& alive;
  };
  std::atomic<int> alive = 0;
  {
    ClockCache<Counted> cache(16);
    {
      std::vector<std::jthread> threads;
      for (unsigned i = 0; i < 4; ++i) {
        threads.emplace_back([&cache, &alive, i] {
          std::mt19937 random(i);
          std::shared_ptr<const Counted> mine;
          for (int round = 0; round < 20'000; ++round) {
            mine = std::make_shared<Counted>(alive);
            cache.keep(mine);
            if (random() % 3 == 0) cache.drop(mine);
            if (random() % 3 == 0) mine->used = true;
            EXPECT_LE(cache.size(), 16U);
          }
        });
      }
    }
    EXPECT_EQ(alive, static_cast<int>(cache.size()));
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace overpass::overlay
