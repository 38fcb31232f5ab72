// SPDX-License-Identifier: MIT
//
// What open files may have of a limit, and what one user may have of that.

#include "overlay/state/descriptor_budget.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>
#include <vector>

namespace overpass::overlay {
namespace {

constexpr uid_t kOwner = 7;
constexpr uid_t kUser = 1000;
constexpr uid_t kOther = 1001;
constexpr rlim_t kLimit = 256;

/// This process has the limit that the budget is made with, since it asks for it anew.
class DescriptorBudgetTest : public testing::Test {
 protected:
  DescriptorBudgetTest() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    set_limit(kLimit);
  }
  ~DescriptorBudgetTest() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  void set_limit(rlim_t soft) const {
    const rlimit limit = {soft, before_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }

  /// As many leases as `user` gets, up to `most`.
  size_t take(uid_t user, size_t most = SIZE_MAX) {
    size_t taken = 0;
    for (; taken < most; ++taken) {
      auto lease = budget_.lease(user);
      if (!lease) {
        EXPECT_EQ(lease.error(), Errno{ENFILE});
        break;
      }
      leases_.push_back(*std::move(lease));
    }
    return taken;
  }

  rlimit before_ = {};
  DescriptorBudget budget_{kLimit, kOwner};
  std::vector<DescriptorLease> leases_;
};

TEST_F(DescriptorBudgetTest, KeepsBackWhatCachesAndRequestsNeed) {
  const size_t cached =
      budget_.directories() + budget_.removed_files() + budget_.readers() + budget_.listings();
  EXPECT_GT(budget_.most(), kLimit / 3);
  EXPECT_LT(budget_.most() + cached + budget_.workers(), kLimit);
  const uint64_t before = budget_.most();
  budget_.set_fixed(30);
  EXPECT_EQ(budget_.most(), before - 30);
}

TEST_F(DescriptorBudgetTest, LeavesOpenFilesNearlyAllOfALargeLimit) {
  const DescriptorBudget large(65536, kOwner);
  EXPECT_GT(large.most(), 62000U);
  EXPECT_EQ(large.directories(), 320U);
  EXPECT_EQ(large.workers(), 512U);
}

TEST_F(DescriptorBudgetTest, LeavesOpenFilesSomeOfATinyLimit) {
  const DescriptorBudget tiny(40, kOwner);
  EXPECT_GE(tiny.most(), 1U);
  EXPECT_LT(tiny.most(), 10U);
}

TEST_F(DescriptorBudgetTest, GivesRootAndTheOwnerAllThereIs) {
  for (const uid_t user : {uid_t{0}, kOwner}) {
    EXPECT_EQ(take(user), budget_.most());
    EXPECT_EQ(budget_.leased(), budget_.most());
    leases_.clear();
    EXPECT_EQ(budget_.leased(), 0U);
  }
  EXPECT_EQ(budget_.refused(), 2U);
}

TEST_F(DescriptorBudgetTest, LetsNoUserHaveMoreThanAQuarterOnceHalfIsInUse) {
  const uint64_t most = budget_.most();
  EXPECT_EQ(take(kUser), most / 2);
  EXPECT_EQ(take(kOther), most / 4);
  EXPECT_EQ(take(0), most - most / 2 - most / 4);
  EXPECT_EQ(take(0), 0U);
}

TEST_F(DescriptorBudgetTest, CountsBackWhatAUserGivesBack) {
  take(kUser);
  take(kOther);
  take(0);
  leases_.clear();
  EXPECT_EQ(take(kOther), budget_.most() / 2);
}

TEST_F(DescriptorBudgetTest, MovesALeaseWithoutCountingItTwice) {
  DescriptorLease first = *budget_.lease(kUser);
  DescriptorLease second = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_TRUE(second);
  EXPECT_EQ(second.user(), kUser);
  EXPECT_EQ(budget_.leased(), 1U);
  second = {};
  EXPECT_EQ(budget_.leased(), 0U);
}

TEST_F(DescriptorBudgetTest, FollowsALimitThatIsChanged) {
  const uint64_t before = budget_.most();
  EXPECT_EQ(take(0), before);
  set_limit(kLimit + 50);
  EXPECT_EQ(take(0), 50U);
  EXPECT_EQ(budget_.limit(), kLimit + 50);
  set_limit(kLimit);
  budget_.refresh();
  EXPECT_EQ(budget_.most(), before);
  EXPECT_EQ(take(0), 0U);
}

TEST_F(DescriptorBudgetTest, CountsRightUnderThreads) {
  std::vector<std::thread> threads;
  for (uid_t user = kUser; user < kUser + 4; ++user) {
    threads.emplace_back([this, user] {
      for (int i = 0; i < 2000; ++i) {
        auto first = budget_.lease(user);
        auto second = budget_.lease(user);
        EXPECT_LE(budget_.leased(), budget_.most() + 8);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget_.leased(), 0U);
  EXPECT_EQ(take(0), budget_.most());
}

}  // namespace
}  // namespace overpass::overlay
