// SPDX-License-Identifier: MIT
//
// The scheduler and the exploration on programs of a few lines: a lost update and a deadlock that
// only some schedules have.

#include <gtest/gtest.h>
#include <pthread.h>

#include <mutex>
#include <set>

#include "explore.h"

namespace overpass::interleavings {
namespace {

TEST(Schedules, AreTextAndBack) {
  EXPECT_EQ(text_of(schedule_of("3:1 17:0")), "3:1 17:0");
  EXPECT_EQ(text_of(schedule_of("-")), "-");
}

/// Adds one to a number that a mutex guards while it is read, and while it is written.
struct Counter {
  int read() {
    const std::lock_guard lock(mutex);
    return value;
  }
  void write(int to) {
    const std::lock_guard lock(mutex);
    value = to;
  }
  void add_one() { write(read() + 1); }

  std::mutex mutex;
  int value = 0;
};

/// The values that two additions can leave.
std::set<int> values_of_two_additions(const Bounds& bounds) {
  Scheduler scheduler(2);
  std::set<int> values;
  explore(
      [&](const Schedule& schedule) -> std::optional<Trace> {
        Counter counter;
        const std::function<void()> add = [&] { counter.add_one(); };
        Trace trace = scheduler.run({add, add}, schedule);
        values.insert(counter.value);
        return trace;
      },
      bounds);
  return values;
}

TEST(Explore, FindsALostUpdate) {
  EXPECT_EQ(values_of_two_additions({.preemptions = 0}), std::set<int>({2}));
  EXPECT_EQ(values_of_two_additions({.preemptions = 1}), std::set<int>({1, 2}));
  EXPECT_EQ(values_of_two_additions({.preemptions = 1, .is_reduced = false}),
            std::set<int>({1, 2}));
}

TEST(Explore, FindsADeadlock) {
  const auto lock_in_two_orders = [] {
    Scheduler scheduler(2);
    explore(
        [&](const Schedule& schedule) -> std::optional<Trace> {
          std::mutex a, b;
          return scheduler.run({[&] {
                                  const std::lock_guard first(a);
                                  const std::lock_guard second(b);
                                },
                                [&] {
                                  const std::lock_guard first(b);
                                  const std::lock_guard second(a);
                                }},
                               schedule);
        },
        {.preemptions = 1});
  };
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(lock_in_two_orders(), "deadlock: no thread can go on. Schedule: 2:1");
}

}  // namespace
}  // namespace overpass::interleavings
