// SPDX-License-Identifier: MIT
//
// Many threads, many operations under way, on one file: every read sees what the last write to its
// place put there, the file is in the end what a plain string in memory is, and appended records
// are whole and present.

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "engines.h"
#include "io/engine.h"
#include "sys/file_io.h"

namespace overpass::io {
namespace {

using unit::Kind;
using unit::must;
using unit::read_job;
using unit::write_job;

constexpr size_t kThreads = 4;
constexpr size_t kLanes = 4;
constexpr size_t kLaneSize = 64 * 1024;
constexpr size_t kOperations = 300;  ///< Of each thread.

/// A part of the file with at most one operation under way, and what is known of its content.
struct Lane {
  off_t begin = 0;
  std::string model = std::string(kLaneSize, '\0');
  std::string buffer;
  size_t offset = 0;
  bool writes = false;
  std::binary_semaphore is_free{1};
  std::atomic<int> failures = 0;

  /// The completion: takes note, and compares.
  void settle(Result<std::span<char>> moved) {
    if (!moved || moved->size() != buffer.size()) {
      ++failures;
    } else if (writes) {
      model.replace(offset, buffer.size(), buffer);
    } else if (model.compare(offset, buffer.size(), buffer) != 0) {
      ++failures;
    }
    is_free.release();
  }
};

class EngineRandom : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    engine_ = unit::engine_of(GetParam(), {.operations = 12, .threads = 4});
    if (engine_ == nullptr) GTEST_SKIP() << "the kernel has no io_uring";
  }

  /// What a serving thread does: starts it, and carries out by itself what is refused.
  void do_it(Job job, Operation::OnDone on_done, bool at_once) {
    const OperationRef operation = make_operation(std::move(job), std::move(on_done));
    if (at_once ? engine_->start(operation) != Engine::Start::Refused
                : engine_->submit(operation)) {
      return;
    }
    ++refused_;
    perform(*operation);
    operation->complete();
  }

  const unit::Scratch disk_;
  std::unique_ptr<Engine> engine_;
  std::atomic<int> refused_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Io, EngineRandom, testing::ValuesIn(unit::kKinds),
                         [](const auto& row) { return unit::name_of(row.param); });

TEST_P(EngineRandom, KeepsEveryWrite) {
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  unit::checked(::ftruncate(raw(fd), kThreads * kLanes * kLaneSize), "ftruncate");
  std::vector<std::array<Lane, kLanes>> lanes(kThreads);
  const auto work = [&](size_t thread) {
    std::mt19937 random(static_cast<unsigned>(thread));
    for (size_t i = 0; i < kOperations; ++i) {
      Lane& lane = lanes[thread][random() % kLanes];
      lane.is_free.acquire();
      lane.offset = random() % kLaneSize;
      const size_t most =
          std::min<size_t>(kLaneSize - lane.offset, random() % 2 == 0 ? 100U : 40'000U);
      lane.buffer.assign(1 + random() % most, static_cast<char>(random()));
      lane.writes = random() % 2 == 0;
      const off_t place = lane.begin + static_cast<off_t>(lane.offset);
      do_it(
          lane.writes ? write_job(fd, lane.buffer, place) : read_job(fd, lane.buffer, place),
          [&lane](Result<std::span<char>> moved) { lane.settle(moved); }, random() % 2 == 0);
    }
  };
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[thread][lane].begin = static_cast<off_t>((thread * kLanes + lane) * kLaneSize);
    }
    threads.emplace_back(work, thread);
  }
  for (std::thread& thread : threads) thread.join();
  engine_->wait_until_idle();
  std::string model;
  for (auto& row : lanes) {
    for (Lane& lane : row) {
      EXPECT_EQ(lane.failures, 0);
      model += lane.model;
    }
  }
  EXPECT_TRUE(disk_.read("file") == model);
}

/// Engines that do not write in pieces: a record would be torn by others.
class PlainEngineRandom : public EngineRandom {};

INSTANTIATE_TEST_SUITE_P(Io, PlainEngineRandom, testing::Values(Kind::Uring, Kind::Threads),
                         [](const auto& row) { return unit::name_of(row.param); });

TEST_P(PlainEngineRandom, AppendsEveryRecordWhole) {
  constexpr size_t kRecords = 100;
  const UniqueFd fd = disk_.open("log", O_RDWR | O_CREAT);
  const UniqueFd outsider = disk_.open("log", O_WRONLY | O_APPEND);
  const auto record_of = [](size_t thread, size_t number) {
    std::string text = std::to_string(thread) + ":" + std::to_string(number);
    text.resize(99, '.');
    return text + "\n";
  };
  std::vector<std::string> records;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    for (size_t i = 0; i < kRecords; ++i) records.push_back(record_of(thread, i));
  }
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = 0; i < kRecords; ++i) {
        const std::string& record = records[thread * kRecords + i];
        if (thread == 0) {
          EXPECT_EQ(::write(raw(outsider), record.data(), record.size()), 100);
          continue;
        }
        Job job = write_job(fd, record, 0);
        job.rw_flags = RWF_APPEND;
        do_it(
            std::move(job),
            [](Result<std::span<char>> moved) { EXPECT_EQ(must(moved).size(), 100u); },
            thread % 2 == 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  engine_->wait_until_idle();
  const std::string log = disk_.read("log");
  ASSERT_EQ(log.size(), records.size() * 100);
  std::vector<std::string> found;
  for (size_t at = 0; at < log.size(); at += 100) found.push_back(log.substr(at, 100));
  std::sort(found.begin(), found.end());
  std::sort(records.begin(), records.end());
  EXPECT_TRUE(found == records);
}

TEST_P(EngineRandom, IsStoppedInTheMiddleOfEverything) {
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  std::atomic<int> completed = 0, submitted = 0;
  const std::string text(512, 's');
  std::vector<std::string> buffers(kThreads, text);
  std::vector<std::thread> threads;
  std::array<std::atomic<size_t>, kThreads> acknowledged = {};
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = 0; i < 5'000; ++i) {
        const bool writes = thread % 2 == 0;
        const off_t place = static_cast<off_t>((thread * 5'000 + i) * text.size());
        const auto operation = make_operation(
            writes ? write_job(fd, text, place) : read_job(fd, buffers[thread], place),
            [&, thread](Result<std::span<char>> moved) {
              if (moved && moved->size() == text.size()) ++acknowledged[thread];
              ++completed;
            });
        // Counted before: it may complete before submit() returns.
        ++submitted;
        if (!engine_->submit(operation)) {
          --submitted;
          if (i > 200) return;
          std::this_thread::yield();
        }
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  engine_->stop();
  EXPECT_LE(completed, submitted);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(completed, submitted) << "every completion ran exactly once";
  const std::string content = disk_.read("file");
  size_t written = 0;
  for (size_t at = 0; at + text.size() <= content.size(); at += text.size()) {
    written += content.compare(at, text.size(), text) == 0 ? 1 : 0;
  }
  EXPECT_EQ(written, acknowledged[0] + acknowledged[2]) << "what was acknowledged is there";
}

}  // namespace
}  // namespace overpass::io
