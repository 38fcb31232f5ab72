// SPDX-License-Identifier: MIT
//
// Ids are told once each, together where they come together, and without being asked for.

#include "broker/late_closes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace overpass::broker {
namespace {

/// Remembers what it was told, a line for each time.
class Told {
 public:
  LateCloses::Tell tell() {
    return [this](std::span<const int32_t> ids) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(ids.begin(), ids.end());
    };
  }

  std::vector<std::vector<int32_t>> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  size_t ids() const {
    size_t count = 0;
    for (const auto& line : lines()) count += line.size();
    return count;
  }

  bool reaches(size_t count) const {
    for (int turn = 0; turn < 2000 && ids() < count; ++turn) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return ids() == count;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::vector<int32_t>> lines_;
};

TEST(LateCloses, AreReportedUnasked) {
  Told told;
  LateCloses closes(told.tell());
  closes.add(7);
  ASSERT_TRUE(told.reaches(1));
  closes.add(8);
  ASSERT_TRUE(told.reaches(2));
  EXPECT_EQ(told.lines(), (std::vector<std::vector<int32_t>>{{7}, {8}}));
}

TEST(LateCloses, AreReportedTogetherAndOnceEach) {
  Told told;
  LateCloses closes(told.tell());
  constexpr int32_t kMany = 1000;
  for (int32_t id = 1; id <= kMany; ++id) closes.add(id);
  ASSERT_TRUE(told.reaches(kMany));
  std::set<int32_t> ids;
  for (const auto& line : told.lines()) {
    EXPECT_LE(line.size(), LateCloses::kAtOnce);
    ids.insert(line.begin(), line.end());
  }
  EXPECT_EQ(ids.size(), static_cast<size_t>(kMany));
  EXPECT_EQ(*ids.rbegin(), kMany);
  EXPECT_LT(told.lines().size(), static_cast<size_t>(kMany) / 2);
}

TEST(LateCloses, AreNotToldAfterTheEnd) {
  Told told;
  {
    LateCloses closes(told.tell());
    for (int32_t id = 1; id <= 10; ++id) closes.add(id);
  }
  const size_t at_the_end = told.ids();
  EXPECT_LE(at_the_end, 10U);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(told.ids(), at_the_end);
}

TEST(LateCloses, MayBeAddedByManyThreads) {
  Told told;
  LateCloses closes(told.tell());
  {
    std::vector<std::jthread> threads;
    for (int32_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&closes, thread] {
        for (int32_t i = 0; i < 500; ++i) closes.add(thread * 1000 + i);
      });
    }
  }
  EXPECT_TRUE(told.reaches(2000));
}

}  // namespace
}  // namespace overpass::broker
