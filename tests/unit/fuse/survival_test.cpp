// SPDX-License-Identifier: MIT
//
// What the daemons of a mount have in common: replies under way, handles, backing ids, INIT.

#include "fuse/survival.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace overpass::fuse {
namespace {

class SurvivalTest : public testing::Test {
 protected:
  /// Which requests' replies are taken back when `unique` is sent again.
  std::vector<uint64_t> taken_back(uint64_t unique) {
    std::vector<uint64_t> replies;
    survival_->sent_again(
        unique, [&](const overlay::ReplyRecord& reply) { replies.push_back(reply.unique); });
    return replies;
  }

  std::unique_ptr<Survival> survival_ = *Survival::make();
};

TEST_F(SurvivalTest, AReplyThatWasSentIsNotTakenBack) {
  { const ReplyUnderWay reply(survival_.get(), 10); }
  survival_->begin();
  EXPECT_TRUE(taken_back(10).empty());
}

TEST_F(SurvivalTest, AReplyUnderWayIsTakenBackOnce) {
  ASSERT_NE(survival_->take_reply(10), nullptr);
  survival_->begin();
  EXPECT_EQ(taken_back(10), std::vector<uint64_t>{10});
  EXPECT_TRUE(taken_back(10).empty());
}

TEST_F(SurvivalTest, ARequestThatIsSentAgainHasItsOldNumber) {
  ASSERT_NE(survival_->take_reply(10 | uint64_t{1} << 63), nullptr);
  EXPECT_EQ(taken_back(10), std::vector<uint64_t>{10});
}

TEST_F(SurvivalTest, WhatIsSettledIsFreeAgain) {
  for (size_t i = 0; i < overlay::NodeRecords::kReplies; ++i) {
    ASSERT_NE(survival_->take_reply(i + 1), nullptr);
  }
  EXPECT_EQ(survival_->take_reply(9999), nullptr);
  survival_->begin();
  EXPECT_EQ(survival_->take_reply(9999), nullptr) << "they wait for what is sent again";
  survival_->settle();
  EXPECT_NE(survival_->take_reply(9999), nullptr);
}

TEST_F(SurvivalTest, WhatHasBeenDoneIsKnownUntilItsReplyIsSent) {
  survival_->note_done(10);
  survival_->note_done(12);
  survival_->end_done(10);
  EXPECT_TRUE(taken_back(10).empty());
  bool is_done = false;
  survival_->sent_again(12, [&](const overlay::ReplyRecord& reply) { is_done = reply.is_done; });
  EXPECT_TRUE(is_done);
}

TEST_F(SurvivalTest, ANoteStaysUntilItsRequestIsAnsweredThroughAnyNumberOfDeaths) {
  survival_->note_done(10);
  survival_->note_done(12);
  for (int death = 0; death < 3; ++death) {
    survival_->begin();
    EXPECT_EQ(taken_back(12), std::vector<uint64_t>{12});
    survival_->settle();
    EXPECT_TRUE(taken_back(10).empty()) << "its reply had arrived: it is not sent again";
  }
  survival_->end_done(12);
  survival_->begin();
  EXPECT_TRUE(taken_back(12).empty());
}

TEST_F(SurvivalTest, AHandleIsFreedOnce) {
  const auto first = survival_->handles().reserve();
  ASSERT_TRUE(first);
  survival_->handles().at(*first).is_used = 1;
  survival_->handles().erase(*first);
  survival_->handles().erase(*first);
  EXPECT_EQ(survival_->handles().reserve(), first);
  EXPECT_NE(survival_->handles().reserve(), first);
}

TEST_F(SurvivalTest, HandlesKeepTheirNumbers) {
  const auto first = survival_->handles().reserve();
  const auto second = survival_->handles().reserve();
  ASSERT_TRUE(first && second);
  survival_->handles().at(*second).is_used = 1;
  survival_->begin();
  const auto third = survival_->handles().reserve();
  EXPECT_EQ(third, first) << "it was never filled";
  EXPECT_EQ(survival_->handles().end(), 2U);
  EXPECT_EQ(survival_->handles().reserve(), 2U);
}

TEST_F(SurvivalTest, BackingIdsAreNoted) {
  survival_->note_backing(1, true);
  survival_->note_backing(64, true);
  survival_->note_backing(1, false);
  EXPECT_FALSE(survival_->has_backing(1));
  EXPECT_TRUE(survival_->has_backing(64));
  survival_->note_backing(-1, true);
  survival_->note_backing(Survival::kMostBackings, true);
}

TEST_F(SurvivalTest, InitIsKept) {
  const std::string request = "what the kernel said";
  survival_->keep_init(request);
  survival_->begin();
  const auto kept = survival_->init();
  EXPECT_EQ(std::string(kept.begin(), kept.end()), request);
}

}  // namespace
}  // namespace overpass::fuse
