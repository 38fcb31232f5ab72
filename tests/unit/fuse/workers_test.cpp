// SPDX-License-Identifier: MIT
//
// Tasks on worker threads: each runs exactly once, also those that wait for others, and those that
// are there at the end.

#include "fuse/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <thread>

#include "../base/together.h"

namespace overpass::fuse {
namespace {

TEST(Workers, RunEachTaskOnce) {
  std::vector<std::atomic<int>> runs(500);
  {
    Workers workers;
    for (auto& run : runs) workers.submit([&run] { ++run; });
  }
  for (const auto& run : runs) EXPECT_EQ(run, 1);
}

TEST(Workers, TakeTasksFromAllThreads) {
  std::atomic<int> runs = 0;
  {
    Workers workers;
    auto submit = [&] {
      for (int i = 0; i < 200; ++i) workers.submit([&] { ++runs; });
    };
    unit::run_together({submit, submit, submit});
  }
  EXPECT_EQ(runs, 600);
}

TEST(Workers, RunTasksAtTheSameTimeThatWaitForEachOther) {
  // One copies, the others wait for it: far more than there are processors.
  constexpr int kTasks = 60;
  std::latch together(kTasks);
  Workers workers;
  for (int i = 0; i < kTasks; ++i) workers.submit([&] { together.arrive_and_wait(); });
  workers.wait_until_idle();
  EXPECT_TRUE(together.try_wait());
}

TEST(Workers, RunTasksThatSubmitOthers) {
  std::promise<void> inner;
  Workers workers;
  workers.submit([&] { workers.submit([&] { inner.set_value(); }); });
  inner.get_future().wait();
  workers.wait_until_idle();
  EXPECT_EQ(workers.pending(), 0U);
}

TEST(Workers, TryAgainWithoutAThreadThatWaits) {
  // Many more than there may be threads, each of which tries some times.
  constexpr int kTasks = 1000;
  std::atomic<int> done = 0;
  Workers workers;
  std::function<void(int)> attempt = [&](int left) {
    if (left == 0) {
      ++done;
    } else {
      workers.submit_again([&, left] { attempt(left - 1); });
    }
  };
  for (int i = 0; i < kTasks; ++i) workers.submit([&] { attempt(3); });
  // Others go on meanwhile.
  std::promise<void> other;
  workers.submit([&] { other.set_value(); });
  other.get_future().wait();
  workers.wait_until_idle();
  EXPECT_EQ(done, kTasks);
}

TEST(Workers, DoNotTryAgainAtOnce) {
  Workers workers;
  const auto begun = std::chrono::steady_clock::now();
  std::promise<std::chrono::steady_clock::time_point> again;
  workers.submit(
      [&] { workers.submit_again([&] { again.set_value(std::chrono::steady_clock::now()); }); });
  EXPECT_GE(again.get_future().get() - begun, std::chrono::milliseconds(10));
}

TEST(Workers, EndAfterTasksThatWaitToTryAgain) {
  int runs = 0;
  {
    Workers workers;
    workers.submit_again([&] { ++runs; });
  }
  EXPECT_EQ(runs, 1);
}

TEST(Workers, EndOnlyWhenEverythingSubmittedHasRun) {
  std::atomic<int> runs = 0;
  std::optional<Workers> workers;
  workers.emplace();
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  for (int i = 0; i < 300; ++i) {
    workers->submit([&, open] {
      open.wait();
      ++runs;
    });
  }
  std::jthread opener([&] { gate.set_value(); });
  workers.reset();
  EXPECT_EQ(runs, 300);
}

TEST(Workers, DestroyATaskBeforeTheyTakeTheNextStep) {
  // A task owns what keeps an inode: it must not stay in memory until the next one.
  auto owned = std::make_shared<int>();
  std::weak_ptr<int> still_there = owned;
  Workers workers;
  workers.submit([owned = std::move(owned)] {});
  workers.wait_until_idle();
  EXPECT_TRUE(still_there.expired());
}

TEST(Workers, AreIdleOnlyWhenNothingWaitsOrRuns) {
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::atomic<bool> has_run = false;
  Workers workers;
  workers.wait_until_idle();  // At once: nothing was ever submitted.
  workers.submit([&, open] {
    open.wait();
    has_run = true;
  });
  EXPECT_EQ(workers.pending(), 1U);
  std::jthread opener([&] { gate.set_value(); });
  workers.wait_until_idle();
  EXPECT_TRUE(has_run);
}

}  // namespace
}  // namespace overpass::fuse
