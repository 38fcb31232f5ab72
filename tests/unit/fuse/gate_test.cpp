// SPDX-License-Identifier: MIT
//
// The thread that closes the gate is alone, and nobody is kept out for good.

#include "fuse/gate.h"

#include <gtest/gtest.h>

#include <latch>
#include <optional>
#include <thread>

#include "../sys/scratch.h"

namespace overpass::fuse {
namespace {

using unit::error_of;
using namespace std::chrono_literals;

constexpr auto kForEver = std::chrono::hours(1);

TEST(Gate, LetsAllInWhileItIsOpen) {
  Gate gate;
  const Gate::Pass own(gate);
  std::jthread([&gate] { const Gate::Pass other(gate); });
}

TEST(Gate, IsClosedByOneThatIsInside) {
  Gate gate;
  const Gate::Pass own(gate);
  const Gate::Pass again(gate);
  EXPECT_EQ(error_of(gate.close(0ms)), 0);
}

TEST(Gate, IsClosedByOneAtATime) {
  Gate gate;
  const auto closed = gate.close(kForEver);
  ASSERT_TRUE(closed);
  EXPECT_EQ(error_of(gate.close(kForEver)), EBUSY);
}

TEST(Gate, StaysOpenIfOneDoesNotLeave) {
  Gate gate;
  std::latch inside(1), end(1);
  std::jthread stuck([&] {
    const Gate::Pass pass(gate);
    inside.count_down();
    end.wait();
  });
  inside.wait();
  EXPECT_EQ(error_of(gate.close(1ms)), EBUSY);
  std::jthread([&gate] { const Gate::Pass other(gate); });  // Is let in.
  end.count_down();
  stuck.join();
  EXPECT_EQ(error_of(gate.close(0ms)), 0);
}

TEST(Gate, KeepsPassesOfOtherGatesApart) {
  Gate gate, other;
  std::latch inside(1), end(1);
  std::jthread busy([&] {
    const Gate::Pass pass(other);
    inside.count_down();
    end.wait();
  });
  inside.wait();
  EXPECT_EQ(error_of(gate.close(0ms)), 0);
  end.count_down();
}

/// What the gate guards has no lock of its own: ThreadSanitizer looks on.
TEST(Gate, GivesTheUnionToOneAlone) {
  constexpr int kPasses = 20000;
  constexpr int kClosings = 200;
  Gate gate;
  int guarded = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      int last = 0;
      for (int pass = 0; pass < kPasses; ++pass) {
        const Gate::Pass entered(gate);
        EXPECT_GE(guarded, last);
        EXPECT_EQ(guarded % 2, 0);
        last = guarded;
      }
    });
  }
  for (int i = 0; i < kClosings; ++i) {
    const auto closed = gate.close(kForEver);
    ASSERT_TRUE(closed);
    ++guarded;
    std::this_thread::yield();
    ++guarded;
  }
  threads.clear();
  EXPECT_EQ(guarded, 2 * kClosings);
}

}  // namespace
}  // namespace overpass::fuse
