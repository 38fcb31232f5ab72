// SPDX-License-Identifier: MIT
//
// What a thread can be told of its own waiting.

#include "sys/process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace overpass::sys {
namespace {

TEST(WaitsOfThisThread, CountWhatItWaitedForAndNotWhatOthersDid) {
  const long before = waits_of_this_thread();
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const long after = waits_of_this_thread();
  EXPECT_GT(after, before);
  std::thread([] {
    EXPECT_LT(waits_of_this_thread(), 3) << "a thread begins with none of its own";
  }).join();
}

}  // namespace
}  // namespace overpass::sys
