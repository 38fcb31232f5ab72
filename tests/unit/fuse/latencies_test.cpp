// SPDX-License-Identifier: MIT
//
// Quantiles of durations, to within a fifth.

#include "fuse/latencies.h"

#include <gtest/gtest.h>

namespace overpass::fuse {
namespace {

using namespace std::chrono_literals;

TEST(Latencies, AreZeroWithoutRequests) {
  const Latencies latencies;
  EXPECT_EQ(latencies.count(), 0U);
  EXPECT_EQ(latencies.quantile(0.5), 0ns);
}

TEST(Latencies, TellTheMedianAndTheSlowest) {
  Latencies latencies;
  for (int i = 0; i < 90; ++i) latencies.add(30us);
  for (int i = 0; i < 10; ++i) latencies.add(5ms);
  EXPECT_EQ(latencies.count(), 100U);
  EXPECT_GT(latencies.quantile(0.5), 30us);
  EXPECT_LE(latencies.quantile(0.5), 36us);
  EXPECT_EQ(latencies.quantile(0.9), latencies.quantile(0.5));
  EXPECT_GT(latencies.quantile(0.99), 5ms);
  EXPECT_LE(latencies.quantile(0.99), 6ms);
}

TEST(Latencies, KnowEachDurationToWithinAFifth) {
  for (auto duration = 4us; duration < 1h; duration += duration / 7 + 1us) {
    Latencies latencies;
    latencies.add(duration);
    EXPECT_GT(latencies.quantile(1), duration);
    EXPECT_LE(latencies.quantile(1), duration + duration / 4 + 1us) << duration.count();
  }
}

TEST(Latencies, CountTheShortestAndTheLongest) {
  Latencies latencies;
  latencies.add(-1ns);
  latencies.add(0ns);
  latencies.add(1us);
  EXPECT_LE(latencies.quantile(1), 2us);
  latencies.add(1000h);
  EXPECT_EQ(latencies.count(), 4U);
  EXPECT_GT(latencies.quantile(1), 1h);
}

}  // namespace
}  // namespace overpass::fuse
