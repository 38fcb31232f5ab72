// SPDX-License-Identifier: MIT
//
// What is done on the calling thread, and when it had better not be.

#include "io/attempt.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <string>

#include "engines.h"
#include "sys/file_io.h"

namespace overpass::io {
namespace {

using unit::must;
using unit::read_job;
using unit::write_job;
using namespace std::chrono_literals;

TEST(Attempt, ReadsAndWritesThePageCacheAtOnce) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  Pace pace;
  std::string buffer(20, ' ');
  auto reads = unit::pending(read_job(fd, buffer, 4));
  ASSERT_TRUE(try_now(*reads.operation, pace));
  reads.operation->complete();
  EXPECT_EQ(must(reads.outcome.get()), 6u);
  EXPECT_EQ(buffer.substr(0, 7), "456789 ");
  const std::string text = "abc";
  auto writes = unit::pending(write_job(fd, text, 8));
  ASSERT_TRUE(try_now(*writes.operation, pace));
  writes.operation->complete();
  EXPECT_EQ(must(writes.outcome.get()), 3u);
  EXPECT_EQ(disk.read("file"), "01234567abc");
}

TEST(Attempt, LeavesTransfersThatAlwaysWait) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  Pace pace;
  std::string text = "abc";
  Job synced = write_job(fd, text, 0), data_synced = write_job(fd, text, 0);
  synced.rw_flags = RWF_SYNC;
  data_synced.rw_flags = RWF_DSYNC;
  Job direct = read_job(fd, text, 0);
  direct.direct = true;
  for (Job* job : {&synced, &data_synced, &direct}) {
    Operation operation(std::move(*job), nullptr);
    EXPECT_FALSE(try_now(operation, pace));
  }
  for (const Action action : {Action::Sync, Action::SyncData, Action::Allocate}) {
    Operation operation({.action = action, .fd = fd, .length = 1}, nullptr);
    EXPECT_FALSE(try_now(operation, pace));
  }
  EXPECT_EQ(disk.read("file"), "0123456789");
}

TEST(Attempt, KeepsThePartThatItReadWhenTheRestIsAbsent) {
  const unit::Scratch disk;
  const std::string text(1 << 20, 't');
  const UniqueFd fd = disk.open("file", O_RDWR | O_CREAT);
  must(sys::write_at(fd, text, 0));
  must(sys::sync_file(fd));
  ASSERT_EQ(::posix_fadvise(raw(fd), 0, 0, POSIX_FADV_RANDOM), 0);
  ASSERT_EQ(::posix_fadvise(raw(fd), 0, 0, POSIX_FADV_DONTNEED), 0);
  std::string buffer(text.size(), ' ');
  // The beginning comes to be in the page cache, and without readahead nothing else.
  must(sys::read_at(fd, std::span(buffer).first(8192), 0));
  Pace pace;
  auto reads = unit::pending(read_job(fd, buffer, 0));
  if (!try_now(*reads.operation, pace)) {
    EXPECT_GE(reads.operation->position(), 8192);
    perform(*reads.operation);
  }
  reads.operation->complete();
  EXPECT_EQ(must(reads.outcome.get()), text.size());
  EXPECT_TRUE(buffer == text);
}

TEST(Attempt, EndsWithAnError) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_WRONLY);
  Pace pace;
  std::string buffer(4, ' ');
  auto reads = unit::pending(read_job(fd, buffer, 0));
  ASSERT_TRUE(try_now(*reads.operation, pace));
  reads.operation->complete();
  EXPECT_EQ(unit::error_of(reads.outcome.get()), EBADF);
}

TEST(Attempt, DoesNotRepeatARefusedQuestion) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  const std::string text = "abc";
  Pace pace;
  pace.refused();
  auto risks = unit::pending(write_job(fd, text, 0));
  ASSERT_TRUE(try_now(*risks.operation, pace)) << "it is written all the same";
  risks.operation->complete();
  EXPECT_EQ(disk.read("file"), "abc3456789");
  const Pace::Clock::time_point now = Pace::Clock::now();
  pace.waited(now - 1s, now);
  auto waits = unit::pending(write_job(fd, text, 3));
  EXPECT_FALSE(try_now(*waits.operation, pace)) << "where that may wait";
  EXPECT_FALSE(pace.may_ask());
}

TEST(Pace, RefusesForManyTimesAsLongAsAWriteWaited) {
  const Pace::Clock::time_point start = Pace::Clock::now();
  Pace pace;
  EXPECT_TRUE(pace.may_risk_waiting(start));
  pace.waited(start, start + 100us);
  EXPECT_TRUE(pace.may_risk_waiting(start + 100us)) << "that was nothing";
  pace.waited(start, start + 10ms);
  EXPECT_FALSE(pace.may_risk_waiting(start + 11ms));
  EXPECT_FALSE(pace.may_risk_waiting(start + 160ms));
  EXPECT_TRUE(pace.may_risk_waiting(start + 171ms));
  pace.waited(start, start + 1h);
  EXPECT_TRUE(pace.may_risk_waiting(start + 1h + 3s)) << "not for ever";
}

}  // namespace
}  // namespace overpass::io
