// SPDX-License-Identifier: MIT
//
// Running programs, and what they say on standard error.

#include "sys/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

#include "sys/file_io.h"
#include "sys/process.h"

namespace overpass::sys {

namespace {

TEST(RunSilently, GivesTheWaitStatus) {
  EXPECT_EQ(run_silently({"true"}), 0);
  const auto failed = run_silently({"sh", "-c", "exit 3"});
  ASSERT_TRUE(failed);
  EXPECT_EQ(WEXITSTATUS(*failed), 3);
  EXPECT_EQ(run_silently({"/nothing/here"}).error(), Errno{ENOENT});
}

TEST(RunSilently, LetsNothingOut) {
  CapturedErrors errors;
  EXPECT_EQ(run_silently({"sh", "-c", "echo to >&2; ! read line"}), 0);
  EXPECT_EQ(errors.end(), "");
}

TEST(RunInto, GivesTheOutputAndNothingElse) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  EXPECT_EQ(run_into(to, {"sh", "-c", "echo text; echo error >&2; ! read line"}), 0);
  to.reset();
  EXPECT_EQ(read_to_end(from), "text\n");
}

TEST(RunReading, GivesTheTextAndLeavesSignalsAsTheyWere) {
  struct sigaction before = {};
  struct sigaction after = {};
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &before), 0);
  EXPECT_EQ(run_reading("some text\n", {"sh", "-c", "read line; test \"$line\" = 'some text'"}), 0);
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &after), 0);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  const auto killed = run_reading("", {"sh", "-c", "kill -INT $$; exit 0"});
  ASSERT_TRUE(killed);
  EXPECT_TRUE(WIFSIGNALED(*killed)) << "the program has its usual signals";
}

TEST(RunSilently, UnblocksSignalsForTheProgram) {
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, &before), 0);
  const auto ended = run_silently({"sh", "-c", "kill -TERM $$; exit 0"});
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(WIFSIGNALED(*ended));
}

TEST(CapturedErrors, ReturnsWhatThisProcessAndItsChildrenWrote) {
  CapturedErrors errors;
  (void)!::write(STDERR_FILENO, "own\n", 4);
  (void)!::system("echo child >&2");
  EXPECT_EQ(errors.end(), "own\nchild\n");
}

TEST(CapturedErrors, DoesNotBlockTheWriterOfALongText) {
  CapturedErrors errors;
  (void)!::system("head -c 300000 /dev/zero >&2 2>/dev/null");
  EXPECT_GE(errors.end().size(), 4096u);
}

TEST(CapturedErrors, PutsStandardErrorBack) {
  CapturedErrors outer;
  { CapturedErrors inner; }
  (void)!::write(STDERR_FILENO, "outer", 5);
  EXPECT_EQ(outer.end(), "outer");
}

}  // namespace

}  // namespace overpass::sys
