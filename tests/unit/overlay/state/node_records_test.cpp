// SPDX-License-Identifier: MIT
//
// Records of nodes in memory that outlives a process: what is written is read again, also after a
// death in the middle of a change.

#include "overlay/state/node_records.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "sys/shared_memory.h"

namespace overpass::overlay {
namespace {

class NodeRecordsTest : public testing::Test {
 protected:
  static NodeRecord record(uint64_t number) {
    NodeRecord record;
    record.generation = 7;
    record.flags = NodeRecord::kUsed | NodeRecord::kLinked;
    record.parent = number * 3;
    record.number = number;
    record.type = S_IFREG;
    return record;
  }

  /// A name that tells the number, long or short by turns.
  static std::string name_of(uint64_t number) {
    return std::to_string(number) + std::string(number % 2 == 0 ? 3 : 200, 'x');
  }

  sys::SharedMemory memory_ = *sys::SharedMemory::make(NodeRecords::size());
  NodeRecords records_{memory_.begin()};
};

TEST_F(NodeRecordsTest, WhatIsWrittenIsRead) {
  records_.write(5, record(40), "name");
  const auto read = records_.read(5);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, 40U);
  EXPECT_EQ(read->parent, 120U);
  EXPECT_EQ(records_.name(5), "name");
  EXPECT_EQ(records_.generation(5), 7U);
  EXPECT_FALSE(records_.read(6));
}

TEST_F(NodeRecordsTest, NamesMayBeAsLongAsAFileSystemsAre) {
  const std::string longest(255, 'n');
  records_.write(5, record(1), longest);
  EXPECT_EQ(records_.name(5), longest);
  records_.write(5, record(1), "short");
  EXPECT_EQ(records_.name(5), "short");
}

TEST_F(NodeRecordsTest, AnErasedRecordKeepsItsGeneration) {
  records_.write(5, record(1), "name");
  records_.erase(5);
  EXPECT_FALSE(records_.read(5));
  EXPECT_EQ(records_.generation(5), 7U);
}

TEST_F(NodeRecordsTest, BeyondTheMostNothingIsRecorded) {
  records_.write(NodeRecords::kMost, record(1), "name");
  EXPECT_FALSE(records_.read(NodeRecords::kMost));
}

TEST_F(NodeRecordsTest, SlotsAreCountedUpwards) {
  records_.note_slots(3, 10);
  records_.note_slots(3, 4);
  EXPECT_EQ(records_.slots(3), 10U);
  EXPECT_EQ(records_.slots(4), 0U);
}

TEST_F(NodeRecordsTest, AReplyTellsWhatItGives) {
  records_.write(5, record(1), "name");
  ReplyRecord& reply = records_.replies().front();
  reply.unique = 99;
  records_.set_lookups(5, 1, &reply, 1234);
  records_.set_lookups(5, 2, &reply, 1234);
  EXPECT_EQ(records_.read(5)->lookups, 2U);
  EXPECT_EQ(reply.nodes, 2U);
  EXPECT_EQ(reply.looked_up[1], 1234U);
}

/// A process that changes records is killed, again and again, wherever it is. No record is a
/// mixture, and no lookup is counted without its reply.
TEST_F(NodeRecordsTest, ADeathAtAnyInstructionLeavesWholeRecords) {
  constexpr uint32_t kIndex = 64;
  constexpr int kDeaths = 200;
  for (int death = 0; death < kDeaths; ++death) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      NodeRecords records(memory_.begin());
      ReplyRecord& reply = records.replies()[1];
      for (uint64_t number = 1;; ++number) {
        reply.nodes = 0;
        NodeRecord next = record(number);
        next.lookups = 0;
        records.write(kIndex, next, name_of(number));
        for (uint64_t lookup = 1; lookup <= 3; ++lookup) {
          records.set_lookups(kIndex, lookup, &reply, number);
        }
      }
    }
    ::usleep(static_cast<useconds_t>(1000 + death * 17));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const NodeRecords records(memory_.begin());
    const auto read = records.read(kIndex);
    if (!read) continue;  // It had not begun.
    ASSERT_EQ(read->parent, read->number * 3);
    ASSERT_EQ(records.name(kIndex), name_of(read->number));
    const ReplyRecord& reply = records.replies()[1];
    // Between two numbers one of the two counts has been set to 0 before the other.
    if (reply.nodes != 0 && read->lookups != 0) {
      ASSERT_EQ(reply.nodes, read->lookups);
    }
  }
}

}  // namespace
}  // namespace overpass::overlay
