// SPDX-License-Identifier: MIT
//
// Back-pressure, the end of an engine in the middle of its work, and what is chosen where io_uring
// is forbidden.

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <string>
#include <thread>
#include <vector>

#include "engines.h"
#include "io/open_engine.h"

namespace overpass::io {
namespace {

using unit::error_of;
using unit::Kind;
using unit::must;
using unit::read_job;
using unit::submit;
using unit::write_job;

class EngineLimits : public testing::TestWithParam<Kind> {
 protected:
  bool open(const Limits& limits) {
    engine_ = unit::plain_engine(GetParam(), limits);
    return engine_ != nullptr;
  }

  const unit::Scratch disk_;
  std::unique_ptr<Engine> engine_;
};

INSTANTIATE_TEST_SUITE_P(Io, EngineLimits, testing::Values(Kind::Uring, Kind::Threads),
                         [](const auto& row) { return unit::name_of(row.param); });

TEST_P(EngineLimits, RefuseOperationsBeyondThemAndTakeThemLater) {
  if (!open({.operations = 3, .threads = 8})) GTEST_SKIP() << "the kernel has no io_uring";
  const unit::Pipe pipe;
  std::vector<std::string> buffers(4, " ");
  std::vector<std::future<Result<size_t>>> taken;
  for (int i = 0; i < 3; ++i) {
    taken.push_back(submit(*engine_, read_job(pipe.read_end, buffers[0], unit::kStream)));
  }
  auto [operation, outcome] = unit::pending(read_job(pipe.read_end, buffers[3], unit::kStream));
  EXPECT_FALSE(engine_->submit(operation));
  EXPECT_EQ(engine_->start(operation), Engine::Start::Refused);
  EXPECT_FALSE(operation->is_done()) << "what is refused is the caller's";
  pipe.feed("abc");
  for (auto& each : taken) EXPECT_EQ(must(each.get()), 1u);
  engine_->wait_until_idle();
  ASSERT_TRUE(engine_->submit(operation));
  pipe.feed("d");
  EXPECT_EQ(must(outcome.get()), 1u);
  EXPECT_EQ(buffers[3], "d");
}

TEST_P(EngineLimits, LeaveRefusedOperationsToPerform) {
  if (!open({.operations = 1, .threads = 1})) GTEST_SKIP() << "the kernel has no io_uring";
  const unit::Pipe pipe;
  std::string buffer(1, ' ');
  auto blocking = submit(*engine_, read_job(pipe.read_end, buffer, unit::kStream));
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  const std::string text = "text";
  auto [operation, outcome] = unit::pending(write_job(fd, text, 0));
  ASSERT_FALSE(engine_->submit(operation));
  perform(*operation);
  operation->complete();
  EXPECT_EQ(must(outcome.get()), 4u);
  EXPECT_EQ(disk_.read("file"), "text");
  pipe.feed("x");
  EXPECT_EQ(must(blocking.get()), 1u);
}

TEST_P(EngineLimits, EndWithoutLosingAWrite) {
  if (!open({.operations = 64, .threads = 1})) GTEST_SKIP() << "the kernel has no io_uring";
  const unit::Pipe pipe;
  std::string first(1, ' '), second(1, ' ');
  std::vector<std::future<Result<size_t>>> reads, writes;
  // The first read occupies the only thread of the engine that has no other means.
  reads.push_back(submit(*engine_, read_job(pipe.read_end, first, unit::kStream)));
  const UniqueFd fd = disk_.open("file", O_RDWR | O_CREAT);
  const std::string text(4096, 'w');
  for (int i = 0; i < 20; ++i) {
    writes.push_back(submit(*engine_, write_job(fd, text, i * 4096)));
    reads.push_back(submit(*engine_, read_job(pipe.read_end, second, unit::kStream)));
  }
  writes.push_back(submit(*engine_, {.action = Action::Sync, .fd = fd}));
  std::thread feeder;
  if (GetParam() == Kind::Threads) {
    feeder = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      pipe.feed("x");
    });
  }
  engine_->stop();
  if (feeder.joinable()) feeder.join();
  for (size_t i = 0; i < writes.size(); ++i) EXPECT_EQ(error_of(writes[i].get()), 0) << i;
  EXPECT_EQ(disk_.read("file"), std::string(20 * 4096, 'w'));
  for (size_t i = 1; i < reads.size(); ++i) EXPECT_EQ(error_of(reads[i].get()), ECANCELED) << i;
}

/// Makes one system call fail on this thread and those it starts.
void forbid(int number, int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {std::size(program), program};
  unit::checked(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
  unit::checked(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), "seccomp");
}

struct Forbidden {
  int call, error;
  const char* says;
};

TEST(EngineChoice, FallsBackToThreadsAndSaysWhy) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file");
  for (const auto& [call, error, says] : {
           Forbidden{SYS_io_uring_setup, EPERM, "forbidden"},
           Forbidden{SYS_io_uring_setup, ENOSYS, "none"},
           Forbidden{SYS_io_uring_setup, ENOMEM, "memory"},
           Forbidden{SYS_io_uring_enter, EPERM, "forbidden"},
           Forbidden{SYS_io_uring_register, EPERM, "lacks operations"},
       }) {
    std::string description, buffer(4, ' ');
    std::thread sandbox([&, number = call, answer = error] {
      forbid(number, answer);
      const auto engine = open_engine();
      description = engine->describe();
      EXPECT_EQ(must(unit::run(*engine, read_job(fd, buffer, 2))), 4u);
    });
    sandbox.join();
    EXPECT_EQ(buffer, "2345");
    EXPECT_NE(description.find("threads"), std::string::npos) << description;
    EXPECT_NE(description.find(says), std::string::npos) << description;
  }
}

TEST(EngineChoice, IsIoUringWhereItWorks) {
  const bool works = unit::plain_engine(Kind::Uring) != nullptr;
  EXPECT_EQ(open_engine()->describe() == "io_uring", works);
}

TEST(EngineChoice, IsThreadsForFileServers) {
  EXPECT_EQ(open_engine_for_servers()->describe(), "threads (the layer is on a file server)");
}

}  // namespace
}  // namespace overpass::io
