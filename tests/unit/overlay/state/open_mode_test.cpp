// SPDX-License-Identifier: MIT
//
// The decisions of the state machine, one by one. That they hold together over every short sequence
// of operations is open_mode_sequences_test.cpp's subject.

#include "overlay/state/open_mode.h"

#include <gtest/gtest.h>

#include <set>

namespace overpass::overlay {
namespace {

class CountedFiles : public BackingFiles {
 public:
  bool is_available() const override { return true; }
  Result<int32_t> open(BorrowedFd, BackingUse) override {
    live.insert(++last_);
    return last_;
  }
  void close(int32_t id) override { live.erase(id); }

  std::set<int32_t> live;

 private:
  int32_t last_ = 0;
};

class OpenModeTest : public testing::Test {
 protected:
  SharedBacking new_backing() {
    return std::make_shared<BackingId>(files_,
                                       *files_.open(BorrowedFd{-1}, BackingUse::ReadAndWrite));
  }

  /// A reader's question about a file that nothing happened to.
  static OpenQuestion reading(Side content) { return {false, content, true, false, false}; }
  static OpenQuestion writing() { return {true, Side::Upper, true, false, false}; }

  CountedFiles files_;
  OpenMode mode_;
};

using OpenModeDecision = OpenModeTest;
using OpenModeBacking = OpenModeTest;

TEST_F(OpenModeDecision, RegistersTheFileAtTheFirstOpen) {
  EXPECT_EQ(mode_.decide(reading(Side::Lower)), OpenAnswer::NewBacking);
  EXPECT_EQ(mode_.decide(reading(Side::Upper)), OpenAnswer::NewBacking);
  EXPECT_EQ(mode_.decide(writing()), OpenAnswer::NewBacking);
}

TEST_F(OpenModeDecision, ServesWhatMayNotBePassedThroughFromTheDaemon) {
  OpenQuestion question = reading(Side::Lower);
  question.may_pass_through = false;
  EXPECT_EQ(mode_.decide(question), OpenAnswer::Cached);
}

TEST_F(OpenModeDecision, GivesFurtherReadersTheBackingInForce) {
  mode_.opened_new(Side::Lower, new_backing());
  EXPECT_EQ(mode_.decide(reading(Side::Lower)), OpenAnswer::HeldBacking);
}

TEST_F(OpenModeDecision, GivesWritersTheUppersBackingThatReadersHold) {
  mode_.opened_new(Side::Upper, new_backing());
  EXPECT_EQ(mode_.decide(writing()), OpenAnswer::HeldBacking);
}

TEST_F(OpenModeDecision, LetsReadersGoOnWithTheLowerAfterACopyUpOfMetadata) {
  mode_.opened_new(Side::Lower, new_backing());
  EXPECT_EQ(mode_.decide(reading(Side::Upper)), OpenAnswer::HeldBacking);
}

TEST_F(OpenModeDecision, SplitsAtTheFirstWriterWhileReadersHoldTheLower) {
  mode_.opened_new(Side::Lower, new_backing());
  EXPECT_EQ(mode_.decide(writing()), OpenAnswer::Split);
}

TEST_F(OpenModeDecision, SendsEveryOpenOfASupersededNodeToThePathUntilItWasWalked) {
  mode_.opened_new(Side::Lower, new_backing());
  OpenQuestion question = reading(Side::Upper);
  question.superseded = true;
  EXPECT_EQ(mode_.decide(question), OpenAnswer::Stale);
  question.writing = true;
  EXPECT_EQ(mode_.decide(question), OpenAnswer::Stale);
}

TEST_F(OpenModeDecision, GivesReadersOfASupersededNodeTheOldViewOnceThePathWasWalked) {
  mode_.opened_new(Side::Lower, new_backing());
  OpenQuestion question = reading(Side::Upper);
  question.superseded = question.shares_lower = true;
  EXPECT_EQ(mode_.decide(question), OpenAnswer::HeldBacking);
}

TEST_F(OpenModeDecision, NeverGivesWritersOfASupersededNodeTheLower) {
  mode_.opened_new(Side::Lower, new_backing());
  OpenQuestion question = writing();
  question.superseded = question.shares_lower = true;
  EXPECT_EQ(mode_.decide(question), OpenAnswer::Stale);
}

TEST_F(OpenModeDecision, StaysCachedWhileCachedHandlesAreOpen) {
  mode_.opened_cached(/*writes=*/false);
  EXPECT_EQ(mode_.decide(reading(Side::Lower)), OpenAnswer::Cached);
  EXPECT_EQ(mode_.decide(writing()), OpenAnswer::Cached);
}

TEST_F(OpenModeDecision, BindsASupersededNodeToNothingOnceItIsReleased) {
  mode_.opened_new(Side::Lower, new_backing());
  mode_.released(/*wrote=*/false);
  OpenQuestion question = writing();
  question.superseded = true;
  EXPECT_EQ(mode_.decide(question), OpenAnswer::NewBacking);
}

TEST_F(OpenModeDecision, PassesThroughAgainAfterCachedHandlesAreReleased) {
  mode_.opened_cached(/*writes=*/false);
  mode_.released(/*wrote=*/false);
  EXPECT_EQ(mode_.decide(writing()), OpenAnswer::NewBacking);
}

TEST_F(OpenModeBacking, IsInForceUntilTheLastHandleIsReleased) {
  mode_.opened_new(Side::Lower, new_backing());
  mode_.opened_held();
  mode_.released(/*wrote=*/false);
  ASSERT_NE(mode_.backing(), nullptr);
  EXPECT_EQ(files_.live.size(), 1U);
  mode_.released(/*wrote=*/false);
  EXPECT_TRUE(files_.live.empty());
}

TEST_F(OpenModeBacking, IsIdleAfterTheLastReleaseWhileACacheKeepsIt) {
  const SharedBacking kept = new_backing();
  mode_.opened_new(Side::Upper, kept);
  EXPECT_EQ(mode_.idle_backing(Side::Upper), nullptr);
  mode_.released(/*wrote=*/false);
  EXPECT_EQ(mode_.idle_backing(Side::Upper), kept);
  EXPECT_EQ(mode_.idle_backing(Side::Lower), nullptr);
}

TEST_F(OpenModeBacking, OfTheLowerMattersToATruncationWhileItIsHeld) {
  EXPECT_FALSE(mode_.readers_hold_lower());
  mode_.opened_new(Side::Lower, new_backing());
  EXPECT_TRUE(mode_.readers_hold_lower());
  mode_.released(/*wrote=*/false);
  EXPECT_FALSE(mode_.readers_hold_lower());
}

TEST_F(OpenModeBacking, OfTheUpperNeverMattersToATruncation) {
  mode_.opened_new(Side::Upper, new_backing());
  EXPECT_FALSE(mode_.readers_hold_lower());
}

TEST_F(OpenModeBacking, IsNoneWhileServedByTheDaemon) {
  mode_.opened_cached(/*writes=*/false);
  EXPECT_FALSE(mode_.readers_hold_lower());
  EXPECT_EQ(mode_.handles(), 1U);
  EXPECT_EQ(mode_.backing(), nullptr);
}

}  // namespace
}  // namespace overpass::overlay
