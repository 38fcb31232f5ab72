// SPDX-License-Identifier: MIT
//
// What every engine promises of single operations: the right bytes, the right errors, and that what
// an operation owns is let go once and in time.

#include "io/engine.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <string>
#include <thread>

#include "engines.h"
#include "sys/file_io.h"

namespace overpass::io {
namespace {

using unit::error_of;
using unit::Kind;
using unit::must;
using unit::read_job;
using unit::run;
using unit::write_job;

class EveryEngine : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    engine_ = unit::engine_of(GetParam());
    if (engine_ == nullptr) GTEST_SKIP() << "the kernel has no io_uring";
  }

  const unit::Scratch disk_;
  std::unique_ptr<Engine> engine_;
};

INSTANTIATE_TEST_SUITE_P(Io, EveryEngine, testing::ValuesIn(unit::kKinds),
                         [](const auto& row) { return unit::name_of(row.param); });

TEST_P(EveryEngine, ReadsUpToTheEndOfTheFile) {
  disk_.write("file", "0123456789");
  const UniqueFd fd = disk_.open("file");
  std::string buffer(20, ' ');
  EXPECT_EQ(must(run(*engine_, read_job(fd, std::span(buffer).first(4), 3))), 4u);
  EXPECT_EQ(buffer.substr(0, 5), "3456 ");
  EXPECT_EQ(must(run(*engine_, read_job(fd, buffer, 4))), 6u);
  EXPECT_EQ(buffer.substr(0, 7), "456789 ");
  EXPECT_EQ(must(run(*engine_, read_job(fd, buffer, 10))), 0u);
  EXPECT_EQ(must(run(*engine_, read_job(fd, {}, 0))), 0u);
}

TEST_P(EveryEngine, WritesInPlaceAndAppends) {
  disk_.write("file", "0123456789");
  const UniqueFd fd = disk_.open("file", O_RDWR);
  EXPECT_EQ(must(run(*engine_, write_job(fd, std::string("abc"), 2))), 3u);
  const std::string added = "xyz", last = "S";
  Job append = write_job(fd, added, 0);
  append.rw_flags = RWF_APPEND;
  EXPECT_EQ(must(run(*engine_, std::move(append))), 3u);
  Job synced = write_job(fd, last, 20);
  synced.rw_flags = RWF_SYNC | RWF_HIPRI;
  EXPECT_EQ(must(run(*engine_, std::move(synced))), 1u);
  EXPECT_EQ(disk_.read("file"), std::string("01abc56789xyz") + std::string(7, '\0') + "S");
}

TEST_P(EveryEngine, MovesMoreThanAnyPiece) {
  std::string text(3'000'000, ' ');
  for (size_t at = 0; at < text.size(); ++at) text[at] = static_cast<char>(at * 7 / 5);
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  EXPECT_EQ(must(run(*engine_, write_job(fd, text, 0))), text.size());
  EXPECT_EQ(disk_.read("file"), text);
  std::string buffer(text.size(), ' ');
  EXPECT_EQ(must(run(*engine_, read_job(fd, buffer, 0))), text.size());
  EXPECT_EQ(buffer, text);
}

TEST_P(EveryEngine, SyncsAndAllocates) {
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  EXPECT_EQ(must(run(*engine_, {.action = Action::Allocate, .fd = fd, .length = 10'000})), 0u);
  EXPECT_EQ(disk_.stat("file").st_size, 10'000);
  EXPECT_EQ(must(run(*engine_, {.action = Action::Sync, .fd = fd})), 0u);
  EXPECT_EQ(must(run(*engine_, {.action = Action::SyncData, .fd = fd})), 0u);
}

TEST_P(EveryEngine, PassesTheFileSystemsErrorsOn) {
  disk_.write("file", "0123456789");
  const UniqueFd reader = disk_.open("file"), writer = disk_.open("file", O_WRONLY);
  const UniqueFd directory = disk_.open("");
  const UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  std::string buffer(4, ' ');
  EXPECT_EQ(error_of(run(*engine_, read_job(writer, buffer, 0))), EBADF);
  EXPECT_EQ(error_of(run(*engine_, write_job(reader, buffer, 0))), EBADF);
  EXPECT_EQ(error_of(run(*engine_, read_job(directory, buffer, 0))), EISDIR);
  EXPECT_EQ(error_of(run(*engine_, write_job(full, buffer, 0))), ENOSPC);
  EXPECT_EQ(error_of(run(*engine_, {.action = Action::Sync, .fd = full})), EINVAL);
  EXPECT_EQ(error_of(run(*engine_, {.action = Action::Allocate, .fd = reader, .length = 1})),
            EBADF);
  EXPECT_EQ(error_of(run(*engine_, {.action = Action::Allocate, .fd = writer, .length = 0})),
            EINVAL);
}

TEST_P(EveryEngine, LetsGoOfTheFileAtTheCompletion) {
  disk_.write("file", "0123456789");
  const unit::Pipe pipe;
  auto pin = std::make_shared<const UniqueFd>(::dup(raw(pipe.read_end)));
  const std::weak_ptr<const UniqueFd> watched = pin;
  std::string buffer(1, ' ');
  Job job = read_job(*pin, buffer, unit::kStream);
  job.pin = std::move(pin);
  auto [operation, outcome] = unit::pending(std::move(job));
  ASSERT_TRUE(engine_->submit(operation));
  EXPECT_FALSE(watched.expired()) << "the descriptor is pinned while it is read from";
  EXPECT_FALSE(operation->is_done());
  pipe.feed("x");
  EXPECT_EQ(must(outcome.get()), 1u);
  engine_->wait_until_idle();
  EXPECT_TRUE(operation->is_done());
  EXPECT_TRUE(watched.expired()) << "though the submitter still has the operation";
}

TEST_P(EveryEngine, FreesAnOperationWithItsLaterReference) {
  const unit::Pipe pipe;
  std::string buffer(1, ' ');
  for (const bool submitter_ends_first : {true, false}) {
    auto [operation, outcome] = unit::pending(read_job(pipe.read_end, buffer, unit::kStream));
    const std::weak_ptr<Operation> watched = operation;
    ASSERT_TRUE(engine_->submit(operation));
    if (submitter_ends_first) operation.reset();
    EXPECT_FALSE(watched.expired());
    pipe.feed("x");
    EXPECT_EQ(must(outcome.get()), 1u);
    engine_->wait_until_idle();
    EXPECT_EQ(watched.expired(), submitter_ends_first);
    operation.reset();
    EXPECT_TRUE(watched.expired());
  }
}

TEST_P(EveryEngine, CopiesLentBytesThatItCannotWriteAtOnce) {
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  BufferPool pool;
  for (const int flags : {0, RWF_DSYNC}) {
    std::string lent(100'000, 'a');
    Job job = write_job(fd, lent, 0);
    job.rw_flags = flags;
    job.copy_into = &pool;
    auto [operation, outcome] = unit::pending(std::move(job));
    EXPECT_NE(engine_->start(operation), Engine::Start::Refused);
    lent.assign(lent.size(), 'z');
    EXPECT_EQ(must(outcome.get()), lent.size());
    engine_->wait_until_idle();
    EXPECT_EQ(disk_.read("file"), std::string(lent.size(), 'a'));
  }
  EXPECT_GT(pool.kept(), 0u) << "one of them was copied, and its buffer came back";
  engine_->stop();
}

TEST_P(EveryEngine, TakesNothingAfterTheEnd) {
  disk_.write("file", "0123456789");
  const UniqueFd fd = disk_.open("file");
  engine_->stop();
  engine_->stop();
  std::string buffer(4, ' ');
  EXPECT_EQ(error_of(run(*engine_, read_job(fd, buffer, 0))), ENOBUFS);
  engine_->wait_until_idle();
}

// Only engines that do as they are told.

class PlainEngine : public EveryEngine {
 protected:
  void SetUp() override {
    engine_ = unit::plain_engine(GetParam());
    if (engine_ == nullptr) GTEST_SKIP() << "the kernel has no io_uring";
  }
};

INSTANTIATE_TEST_SUITE_P(Io, PlainEngine, testing::Values(Kind::Uring, Kind::Threads),
                         [](const auto& row) { return unit::name_of(row.param); });

TEST_P(PlainEngine, CompletesReadsFromThePageCacheAtOnce) {
  disk_.write("file", "0123456789");
  const UniqueFd fd = disk_.open("file", O_RDWR);
  std::string buffer(20, ' ');
  std::thread::id completed_on;
  const auto note_thread = [&](Result<std::span<char>> moved) {
    EXPECT_EQ(must(moved).size(), 10u);
    completed_on = std::this_thread::get_id();
  };
  EXPECT_EQ(engine_->start(make_operation(read_job(fd, buffer, 0), note_thread)),
            Engine::Start::Completed);
  EXPECT_EQ(completed_on, std::this_thread::get_id());
  EXPECT_EQ(
      engine_->start(make_operation(write_job(fd, std::span(buffer).first(10), 5), note_thread)),
      Engine::Start::Completed);
  EXPECT_EQ(disk_.read("file"), "012340123456789");
}

TEST_P(PlainEngine, TakesOverOperationsThatWouldWait) {
  const unit::Pipe pipe;
  std::string buffer(4, ' ');
  auto [operation, outcome] = unit::pending(read_job(pipe.read_end, buffer, unit::kStream));
  EXPECT_EQ(engine_->start(operation), Engine::Start::UnderWay);
  pipe.feed("late");
  EXPECT_EQ(must(outcome.get()), 4u);
  EXPECT_EQ(buffer, "late");
}

TEST_P(PlainEngine, ReadsBytesThatThePageCacheLacks) {
  const std::string text(1 << 20, 't');
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  must(sys::write_at(fd, text, 0));
  must(sys::sync_file(fd));
  ASSERT_EQ(::posix_fadvise(raw(fd), 0, 0, POSIX_FADV_DONTNEED), 0);
  std::string buffer(text.size(), ' ');
  auto [operation, outcome] = unit::pending(read_job(fd, buffer, 0));
  EXPECT_NE(engine_->start(operation), Engine::Start::Refused);
  EXPECT_EQ(must(outcome.get()), text.size());
  EXPECT_EQ(buffer, text);
}

TEST_P(PlainEngine, AnswersDirectTransfersAsTheFileSystemDoes) {
  const UniqueFd plain = disk_.open("file", O_RDWR | O_CREAT);
  const std::string text(10'000, 'd');
  must(sys::write_at(plain, text, 0));
  const int opened = ::open(disk_.path("file").c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
  if (opened < 0) GTEST_SKIP() << "the file system has no direct I/O";
  const UniqueFd fd(opened);
  BufferPool pool;
  struct Transfer {
    size_t skip, length;
    off_t offset;
  };
  for (const auto& [skip, length, offset] :
       {Transfer{0, 4096, 0}, Transfer{0, 8192, 4096}, Transfer{0, 4096, 8192},
        Transfer{0, 4096, 12288}, Transfer{1, 4096, 0}, Transfer{0, 4095, 0},
        Transfer{0, 4096, 100}}) {
    const Buffer buffer = pool.take(65536), expected = pool.take(65536);
    const auto truth = sys::read_at(fd, expected.bytes().subspan(skip, length), offset);
    Job job = read_job(fd, buffer.bytes().subspan(skip, length), offset);
    job.direct = true;
    const auto answer = run(*engine_, std::move(job));
    EXPECT_EQ(error_of(answer), error_of(truth)) << skip << " " << length << " " << offset;
    EXPECT_EQ(answer.value_or(0), truth.value_or(0)) << length << " " << offset;
  }
}

}  // namespace
}  // namespace overpass::io
