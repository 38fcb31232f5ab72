// SPDX-License-Identifier: MIT
//
// Writers, appenders and those who ask for attributes, all at once, over an engine that delays,
// reorders, splits, interrupts and fails. Each that asks compares with what it knows: which writes
// had been answered before it asked, and what it was told last.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <future>
#include <random>
#include <thread>
#include <vector>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/find/attributes.h"
#include "overlay/open/file_io.h"
#include "placed_engine.h"

namespace overpass::overlay {
namespace {

using namespace std::chrono_literals;
using unit::Handle;
using unit::must;
using unit::PlacedEngine;
using unit::Union;

using Time = std::pair<int64_t, uint32_t>;
Time time_of(const statx_timestamp& time) { return {time.tv_sec, time.tv_nsec}; }
Time now() {
  timespec time = {};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return {time.tv_sec, static_cast<uint32_t>(time.tv_nsec)};
}

class CopyattrStorm : public testing::TestWithParam<unsigned> {
 protected:
  CopyattrStorm()
      : engine_({.seed = GetParam(),
                 .longest_piece = 40,
                 .interrupted_percent = 10,
                 .latest = 200us,
                 .fails = [this](const io::Operation& operation) {
                   const bool is_write = operation.job().action == io::Action::Write;
                   return is_write && attempts_++ % 50 == 49 ? EIO : 0;
                 }}) {}

  Result<size_t> write(Handle& file, size_t length, off_t offset) {
    std::string bytes(length, 'y');
    std::promise<Result<size_t>> outcome;
    overlay::write(u_.overlay(), {}, file.file(), bytes, offset, file.file().flags(),
                   WriteKind::Plain,
                   [&outcome](Result<size_t> written) { outcome.set_value(written); });
    return outcome.get_future().get();
  }

  /// Never less than was answered before, and no time that goes back.
  void ask_until(const InodeRef& inode, const std::atomic<bool>& ends) {
    Time modification, change;
    while (!ends) {
      const uint64_t at_least = answered_;
      sys::Stat stat = must(attributes(u_.overlay(), inode));
      if (!is_cut_) {
        EXPECT_GE(stat.stx_size, at_least);
      }
      const auto goes_back = [&] {
        return time_of(stat.stx_mtime) < modification || time_of(stat.stx_ctime) < change;
      };
      // The kernel reads the seconds of a time and then its nanoseconds. At the turn of a second it
      // tells a wrong one during a write, once: a second too late, or one that has not come yet.
      for (int i = 0; i < 3 && goes_back(); ++i) stat = must(attributes(u_.overlay(), inode));
      EXPECT_FALSE(goes_back());
      if (time_of(stat.stx_mtime) <= now()) modification = time_of(stat.stx_mtime);
      if (time_of(stat.stx_ctime) <= now()) change = time_of(stat.stx_ctime);
    }
  }

  void note_answered(uint64_t end) {
    uint64_t known = answered_;
    while (known < end && !answered_.compare_exchange_weak(known, end)) {
    }
  }

  void write_some(int count, unsigned seed) {
    std::minstd_rand random(seed);
    Handle file = u_.open("f", O_WRONLY);
    for (int i = 0; i < count; ++i) {
      const auto offset = static_cast<off_t>(random() % 4000);
      const auto written = write(file, 1 + random() % 200, offset);
      if (written) note_answered(static_cast<uint64_t>(offset) + *written);
    }
  }

  void append_some(int count) {
    Handle file = u_.open("f", O_WRONLY | O_APPEND);
    for (int i = 0; i < count; ++i) (void)write(file, 10, 0);
  }

  void change_some(int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(u_.chmod("f", i % 2 == 0 ? 0600 : 0644), 0);
      if (is_cut_) {
        EXPECT_EQ(u_.truncate("f", i % 3 == 0 ? 0 : 2000), 0);
      }
      std::this_thread::sleep_for(300us);
    }
  }

  void run() {
    u_.write("f", "x");
    std::atomic<bool> ends = false;
    const InodeRef inode = u_.at("f");
    {
      std::vector<std::jthread> askers;
      for (int i = 0; i < 2; ++i) askers.emplace_back([&] { ask_until(inode, ends); });
      {
        std::vector<std::jthread> writers;
        for (unsigned i = 0; i < 3; ++i) {
          writers.emplace_back([this, i] { write_some(100, GetParam() * 10 + i); });
        }
        writers.emplace_back([this] { append_some(50); });
        writers.emplace_back([this] { change_some(50); });
        writers.emplace_back([this] {
          for (int i = 0; i < 50; ++i) (void)u_.read("f");
        });
      }
      ends = true;
    }
    const sys::Stat told = u_.stat("f");
    const struct stat there = u_.disk.stat("upper/f");
    EXPECT_EQ(told.stx_size, static_cast<uint64_t>(there.st_size));
    EXPECT_EQ(told.stx_blocks, static_cast<uint64_t>(there.st_blocks));
    EXPECT_EQ(told.stx_mode, there.st_mode);
    EXPECT_EQ(time_of(told.stx_mtime), Time(there.st_mtim.tv_sec, there.st_mtim.tv_nsec));
    EXPECT_EQ(time_of(told.stx_ctime), Time(there.st_ctim.tv_sec, there.st_ctim.tv_nsec));
    EXPECT_EQ(time_of(told.stx_atime), Time(there.st_atim.tv_sec, there.st_atim.tv_nsec));
  }

  std::atomic<unsigned> attempts_ = 0;
  std::atomic<uint64_t> answered_ = 0;
  bool is_cut_ = false;
  PlacedEngine engine_;
  Union u_{{.passthrough = false, .on = "/dev/shm"}};
};

TEST_P(CopyattrStorm, ShowsAllThatWasAnsweredAndNoTimeThatGoesBack) { run(); }

TEST_P(CopyattrStorm, EndsWithWhatTheDiskSaysAlsoWithTruncations) {
  is_cut_ = true;
  run();
}

INSTANTIATE_TEST_SUITE_P(Seeds, CopyattrStorm, testing::Range(1U, 6U));

}  // namespace
}  // namespace overpass::overlay
