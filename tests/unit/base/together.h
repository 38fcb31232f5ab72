// SPDX-License-Identifier: MIT
//
// Several threads that begin at the same time, for tests of what they do to each other.

#ifndef OVERPASS_TESTS_UNIT_BASE_TOGETHER_H_
#define OVERPASS_TESTS_UNIT_BASE_TOGETHER_H_

#include <functional>
#include <latch>
#include <thread>
#include <vector>

namespace overpass::unit {

/// Runs each of `works` in a thread of its own and waits for all of them.
inline void run_together(const std::vector<std::function<void()>>& works) {
  std::latch start(static_cast<std::ptrdiff_t>(works.size()));
  std::vector<std::jthread> threads;
  for (const auto& work : works) {
    threads.emplace_back([&start, &work] {
      start.arrive_and_wait();
      work();
    });
  }
}

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_BASE_TOGETHER_H_
