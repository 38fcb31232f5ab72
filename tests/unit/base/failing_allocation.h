// SPDX-License-Identifier: MIT
//
// Memory that runs out at one exact moment: every allocation of an operation is made to fail in
// turn, and the operation must have happened as a whole or not at all.

#ifndef OVERPASS_TESTS_UNIT_BASE_FAILING_ALLOCATION_H_
#define OVERPASS_TESTS_UNIT_BASE_FAILING_ALLOCATION_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <string>

namespace overpass::unit {

/// While this lives, the `nth` allocation (from 1) that this thread makes throws std::bad_alloc.
/// Those after it succeed.
class FailingAllocation {
 public:
  explicit FailingAllocation(size_t nth);
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();

  /// Whether there were so many.
  bool has_failed() const;
};

/// Calls `attempt(nth)` with its nth allocation failing and then `check(nth, succeeded)`, for each
/// nth from 1 until it makes no more. `attempt` returns a Result.
template <class Attempt, class Check>
void fail_each_allocation(Attempt attempt, Check check) {
  for (size_t nth = 1; nth < 1000; ++nth) {
    SCOPED_TRACE("allocation " + std::to_string(nth));
    bool succeeded = false, has_failed = false;
    {
      const FailingAllocation failing(nth);
      try {
        succeeded = attempt(nth).has_value();
      } catch (const std::bad_alloc&) {
      }
      has_failed = failing.has_failed();
    }
    check(nth, succeeded);
    if (testing::Test::HasFatalFailure() || !has_failed) return;
  }
  FAIL() << "there is no end to the allocations";
}

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_BASE_FAILING_ALLOCATION_H_
