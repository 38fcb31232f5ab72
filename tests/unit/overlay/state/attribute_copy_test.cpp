// SPDX-License-Identifier: MIT
//
// What of a copy still holds after each kind of change, and while changes are under way.

#include "overlay/state/attribute_copy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>
#include <vector>

namespace overpass::overlay {
namespace {

sys::Stat file_of(uint64_t size) {
  sys::Stat stat = {};
  stat.stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  stat.stx_mode = S_IFREG | 0640;
  stat.stx_size = size;
  stat.stx_blocks = 8;
  stat.stx_blksize = 4096;
  stat.stx_nlink = 2;
  stat.stx_uid = 11;
  stat.stx_gid = 12;
  stat.stx_ino = 13;
  stat.stx_atime = {1, 2, {}};
  stat.stx_mtime = {3, 4, {}};
  stat.stx_ctime = {5, 6, {}};
  stat.stx_btime = {-7, 8, {}};
  stat.stx_dev_major = 14;
  stat.stx_dev_minor = 15;
  stat.stx_attributes = STATX_ATTR_NODUMP;
  stat.stx_attributes_mask = STATX_ATTR_NODUMP | STATX_ATTR_APPEND;
  return stat;
}

/// A copy with what the disk says of a file of 10 bytes.
class AttributeCopyTest : public testing::Test {
 protected:
  AttributeCopyTest() { copy_.copy(file_of(10), 0); }

  bool is_settled() const { return copy_.settled(0).has_value(); }

  AttributeCopy copy_{/*allocates_late=*/false};
};

TEST_F(AttributeCopyTest, TellsWhatItWasTold) {
  const sys::Stat told = file_of(10), kept = *copy_.settled(0);
  EXPECT_EQ(kept.stx_mode, told.stx_mode);
  EXPECT_EQ(kept.stx_size, told.stx_size);
  EXPECT_EQ(kept.stx_blocks, told.stx_blocks);
  EXPECT_EQ(kept.stx_blksize, told.stx_blksize);
  EXPECT_EQ(kept.stx_nlink, told.stx_nlink);
  EXPECT_EQ(kept.stx_uid, told.stx_uid);
  EXPECT_EQ(kept.stx_gid, told.stx_gid);
  EXPECT_EQ(kept.stx_ino, told.stx_ino);
  EXPECT_EQ(kept.stx_atime.tv_sec, 1);
  EXPECT_EQ(kept.stx_atime.tv_nsec, 2U);
  EXPECT_EQ(kept.stx_mtime.tv_sec, 3);
  EXPECT_EQ(kept.stx_mtime.tv_nsec, 4U);
  EXPECT_EQ(kept.stx_ctime.tv_sec, 5);
  EXPECT_EQ(kept.stx_ctime.tv_nsec, 6U);
  EXPECT_EQ(kept.stx_btime.tv_sec, -7);
  EXPECT_EQ(kept.stx_btime.tv_nsec, 8U);
  EXPECT_EQ(sys::device_of(kept), sys::device_of(told));
  EXPECT_EQ(kept.stx_attributes, told.stx_attributes);
  EXPECT_EQ(kept.stx_attributes_mask, told.stx_attributes_mask);
  EXPECT_EQ(kept.stx_mask, uint32_t{STATX_BASIC_STATS | STATX_BTIME}) << "only what is kept";
}

TEST(AttributeCopy, TellsNothingBeforeItWasTold) {
  const AttributeCopy copy(/*allocates_late=*/false);
  EXPECT_FALSE(copy.settled(0));
  EXPECT_FALSE(copy.settled_content());
  EXPECT_FALSE(copy.size());
  EXPECT_TRUE(copy.may_have_set_ids());
}

TEST_F(AttributeCopyTest, TellsTheStateBeforeAChangeThatIsUnderWay) {
  copy_.begin(Growth::Possible);
  EXPECT_EQ(copy_.settled(0)->stx_size, 10U);
  EXPECT_FALSE(copy_.size()) << "unstable";
  EXPECT_FALSE(copy_.settled_content()) << "not for what acts on it";
  copy_.end(Growth::Possible);
  EXPECT_FALSE(is_settled());
  EXPECT_FALSE(copy_.size());
}

TEST_F(AttributeCopyTest, TellsTheStateBeforeUntilTheFirstOfSeveralChangesEnds) {
  copy_.begin(Growth::Possible);
  copy_.begin(Growth::Possible);
  EXPECT_TRUE(is_settled());
  copy_.end(Growth::Possible);
  EXPECT_FALSE(is_settled()) << "one has ended, and its caller may know";
  copy_.copy(file_of(20), 0);
  EXPECT_FALSE(is_settled()) << "the other may be seen in part";
  copy_.end(Growth::Possible);
  copy_.copy(file_of(30), 0);
  EXPECT_EQ(copy_.settled(0)->stx_size, 30U);
}

TEST_F(AttributeCopyTest, KeepsTheSizeThroughAChangeThatLeavesIt) {
  copy_.begin(Growth::None);
  EXPECT_EQ(copy_.size(), 10);
  copy_.end(Growth::None);
  EXPECT_EQ(copy_.size(), 10);
  EXPECT_FALSE(is_settled()) << "its times are others";
  EXPECT_FALSE(copy_.settled_content());
}

TEST_F(AttributeCopyTest, LosesTheSizeToATruncationDuringAChangeThatLeavesIt) {
  copy_.begin(Growth::None);
  copy_.outdate_content();
  copy_.copy(file_of(0), 0);
  copy_.end(Growth::None);
  EXPECT_FALSE(copy_.size()) << "the write came after the truncation, for all that is known";
}

TEST_F(AttributeCopyTest, KeepsTheSizeThroughAChangeOfOtherAttributes) {
  copy_.outdate();
  EXPECT_EQ(copy_.size(), 10);
  EXPECT_FALSE(is_settled());
  EXPECT_FALSE(copy_.settled_content());
}

TEST_F(AttributeCopyTest, LosesOnlyTheTimeOfAccessToARead) {
  EXPECT_FALSE(copy_.settled(1));
  EXPECT_EQ(copy_.settled_content()->stx_size, 10U);
  EXPECT_TRUE(is_settled());
  copy_.copy(file_of(10), std::nullopt);
  EXPECT_FALSE(is_settled()) << "a read was under way";
  EXPECT_TRUE(copy_.settled_content());
}

TEST(AttributeCopy, WaitsForTheBlocksWhereTheyAreAllocatedLate) {
  AttributeCopy copy(/*allocates_late=*/true);
  copy.copy(file_of(10), 0);
  EXPECT_FALSE(copy.settled(0));
  EXPECT_TRUE(copy.settled_content());
  copy.note_written_out(copy.version());
  EXPECT_FALSE(copy.settled(0)) << "the number that is kept is from before";
  copy.copy(file_of(10), 0);
  EXPECT_TRUE(copy.settled(0));
  copy.outdate();
  copy.copy(file_of(10), 0);
  EXPECT_TRUE(copy.settled(0)) << "a chmod writes no pages";
  copy.begin(Growth::None);
  copy.end(Growth::None);
  copy.copy(file_of(10), 0);
  EXPECT_FALSE(copy.settled(0));
}

TEST(AttributeCopy, IsNotWrittenOutByAnFsyncThatAChangeOverlaps) {
  for (const bool ends_before : {false, true}) {
    AttributeCopy copy(/*allocates_late=*/true);
    const uint64_t version = copy.version();
    copy.begin(Growth::Possible);
    if (ends_before) copy.end(Growth::Possible);
    copy.note_written_out(version);
    if (!ends_before) copy.end(Growth::Possible);
    copy.copy(file_of(10), 0);
    EXPECT_FALSE(copy.settled(0)) << ends_before;
  }
  AttributeCopy copy(/*allocates_late=*/true);
  const uint64_t version = copy.version();
  copy.outdate_content();
  copy.note_written_out(version);
  copy.copy(file_of(10), 0);
  EXPECT_FALSE(copy.settled(0)) << "truncated";
}

TEST_F(AttributeCopyTest, DistrustsTheBlocksOfHugePages) {
  sys::Stat huge = file_of(10);
  huge.stx_blksize = 2U << 20;
  copy_.copy(huge, 0);
  EXPECT_FALSE(is_settled());
}

TEST_F(AttributeCopyTest, KnowsOfSetIdBitsUntilAnAttributeChanges) {
  EXPECT_FALSE(copy_.may_have_set_ids());
  copy_.begin(Growth::Possible);
  copy_.end(Growth::Possible);
  copy_.outdate_content();
  EXPECT_FALSE(copy_.may_have_set_ids()) << "no write adds any";
  copy_.outdate();
  EXPECT_TRUE(copy_.may_have_set_ids());
  copy_.copy(file_of(10), 0);
  EXPECT_FALSE(copy_.may_have_set_ids());
  sys::Stat with = file_of(10);
  with.stx_mode |= S_ISGID;
  copy_.copy(with, 0);
  EXPECT_TRUE(copy_.may_have_set_ids());
}

/// All sequences of steps, against a truth that keeps the states themselves.
TEST(AttributeCopy, IsRightAfterEverySequenceOfSixSteps) {
  enum Step { Begin, EndOne, Truncate, Change, Ask, kSteps };
  std::vector<int> steps(6, 0);
  while (true) {
    AttributeCopy copy(/*allocates_late=*/false);
    // The state that all callers may rely on, by number; it is certain while no change is under
    // way, or since the last one that ended.
    int under_way = 0, state = 0, kept = -1, ended_since_kept = 0;
    for (const int step : steps) {
      if (step == Begin) {
        copy.begin(Growth::Possible);
        ++under_way;
      } else if (step == EndOne && under_way > 0) {
        copy.end(Growth::Possible);
        --under_way;
        ++state;
        ++ended_since_kept;
      } else if (step == Truncate || step == Change) {
        step == Truncate ? copy.outdate_content() : copy.outdate();
        ++state;
        ++ended_since_kept;
      } else if (step == Ask) {
        copy.copy(file_of(static_cast<uint64_t>(state)), 0);
        if (under_way == 0) kept = state, ended_since_kept = 0;
      }
      const auto told = copy.settled(0);
      ASSERT_EQ(told.has_value(), kept >= 0 && ended_since_kept == 0);
      if (told) {
        ASSERT_EQ(told->stx_size, static_cast<uint64_t>(state));
      }
    }
    size_t digit = 0;
    while (digit < steps.size() && ++steps[digit] == kSteps) steps[digit++] = 0;
    if (digit == steps.size()) break;
  }
}

TEST(ReadCount, TellsWhetherReadsAreUnderWay) {
  ReadCount reads;
  EXPECT_EQ(reads.if_none_under_way(), 0U);
  reads.begin();
  EXPECT_FALSE(reads.if_none_under_way());
  EXPECT_EQ(reads.ended(), 0U);
  reads.begin();
  reads.end();
  EXPECT_FALSE(reads.if_none_under_way());
  reads.end();
  EXPECT_EQ(reads.if_none_under_way(), 2U);
}

}  // namespace
}  // namespace overpass::overlay
