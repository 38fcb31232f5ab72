// SPDX-License-Identifier: MIT
//
// Running programs and waiting for them.

#include "cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "sys/file_io.h"
#include "sys/pidfd.h"

namespace overpass::cli {
namespace {

TEST(RunProgram, CollectsItsOutput) {
  const auto finished = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"});
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->output, "out\nerr\n");
  EXPECT_EQ(describe_wait_status(finished->status), "ended with exit code 3");
}

TEST(RunProgram, TellsThatThereIsNone) {
  EXPECT_TRUE(run_program({"overpass-no-such-program"}).failed_with(ENOENT));
}

TEST(DescribeWaitStatus, NamesTheSignal) {
  const auto finished = run_program({"sh", "-c", "kill -TERM $$"});
  ASSERT_TRUE(finished);
  EXPECT_EQ(describe_wait_status(finished->status), "was killed by signal 15 (Terminated)");
}

TEST(OpenDescriptors, ListsOpenDescriptors) {
  const auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  const auto numbers = open_descriptors();
  EXPECT_EQ(std::count(numbers.begin(), numbers.end(), raw(pipe->read)), 1);
  EXPECT_EQ(std::count(numbers.begin(), numbers.end(), raw(pipe->write)), 1);
  for (const int number : numbers) EXPECT_GE(::fcntl(number, F_GETFD), 0);
}

TEST(WaitForEndOf, SeesAProcessEnd) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::usleep(50000);
    ::_exit(0);
  }
  const auto process = sys::open_process(child);
  ASSERT_TRUE(process);
  EXPECT_EQ(wait_for_end_of(*process, 0).value_or(true), false);
  EXPECT_EQ(wait_for_end_of(*process, 5000).value_or(false), true);
  EXPECT_TRUE(wait_for(child));
}

TEST(WriteAll, FillsAPipeThatIsRead) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  const std::string text(300000, 'x');
  const pid_t child = ::fork();
  if (child == 0) {
    pipe->read.reset();
    ::_exit(write_all(pipe->write, text) ? 0 : 1);
  }
  pipe->write.reset();
  EXPECT_EQ(sys::read_to_end(pipe->read).value_or(""), text);
  EXPECT_EQ(wait_for(child).value_or(-1), 0);
}

}  // namespace
}  // namespace overpass::cli
