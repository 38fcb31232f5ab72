// SPDX-License-Identifier: MIT
//
// What the parent learns of the child, and what the child leaves behind of its parent.

#include "cli/daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "cli/process.h"
#include "scratch.h"

namespace overpass::cli {
namespace {

using Ready = std::function<void()>;

std::string problem_of(const Serve& serve) {
  const auto served = serve_in_background({}, serve);
  return served ? "" : served.error().line();
}

/// Takes the ended child of this process away.
int reap() {
  int status = -1;
  EXPECT_GT(::waitpid(-1, &status, 0), 0);
  return status;
}

TEST(Daemon, LetsTheParentGoOnWhenItIsReady) {
  const Scratch scratch;
  EXPECT_EQ(problem_of([&](const config::Options&, const Ready& on_ready) -> Expected<void> {
              scratch.write("before", "");
              on_ready();
              std::this_thread::sleep_for(std::chrono::milliseconds(50));
              scratch.write("after", "");
              return {};
            }),
            "");
  EXPECT_TRUE(std::filesystem::exists(scratch.path("before")));
  EXPECT_EQ(reap(), 0);
  EXPECT_TRUE(std::filesystem::exists(scratch.path("after")));
}

TEST(Daemon, HandsItsProblemToTheParent) {
  EXPECT_EQ(problem_of([](const config::Options&, const Ready&) -> Expected<void> {
              return problem("the cause", "the remedy");
            }),
            "the cause (the remedy)");
  EXPECT_EQ(problem_of([](const config::Options&, const Ready&) -> Expected<void> {
              return problem("only a cause\nwith a line");
            }),
            "only a cause\nwith a line");
}

TEST(Daemon, IsMissedWhenASignalKillsIt) {
  EXPECT_EQ(problem_of([](const config::Options&, const Ready&) -> Expected<void> {
              (void)::raise(SIGKILL);
              return {};
            }),
            "the daemon was killed by signal 9 (Killed) before the mount was usable (try again "
            "with -f or -d)");
}

TEST(Daemon, IsMissedWhenItExits) {
  EXPECT_EQ(problem_of([](const config::Options&, const Ready&) -> Expected<void> { ::_exit(7); }),
            "the daemon ended with exit code 7 before the mount was usable (try again with -f or "
            "-d)");
  EXPECT_EQ(
      problem_of([](const config::Options&, const Ready&) -> Expected<void> { return {}; }),
      "the daemon ended with exit code 0 before the mount was usable (try again with -f or -d)");
}

TEST(Daemon, ExitsWithOneWhenServingFailsLater) {
  EXPECT_EQ(problem_of([](const config::Options&, const Ready& on_ready) -> Expected<void> {
              on_ready();
              return problem("later");
            }),
            "");
  const int status = reap();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(Daemon, LeavesDirectoryStreamsAndDescriptorsAtReadiness) {
  const Scratch scratch;
  const UniqueFd inherited(::open("/dev/zero", O_RDONLY));
  const std::string link = "/proc/self/fd/" + std::to_string(raw(inherited));
  const auto target = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::read_symlink(path, error).string();
  };
  const auto describe = [&] {
    return target("/proc/self/cwd") + " " + target("/proc/self/fd/0") + " " +
           target("/proc/self/fd/1") + " " + target("/proc/self/fd/2") + " [" + target(link) + "]";
  };
  EXPECT_EQ(problem_of([&](const config::Options&, const Ready& on_ready) -> Expected<void> {
              const UniqueFd own(::open("/dev/full", O_RDONLY));
              scratch.write("before", target("/proc/self/cwd") + " [" + target(link) + "]");
              on_ready();
              scratch.write("after", describe());
              scratch.write("own", target("/proc/self/fd/" + std::to_string(raw(own))));
              scratch.write("session", ::getsid(0) == ::getpid() ? "leader" : "member");
              return {};
            }),
            "");
  EXPECT_EQ(reap(), 0);
  EXPECT_EQ(scratch.read("before"), std::filesystem::current_path().string() + " [/dev/zero]");
  EXPECT_EQ(scratch.read("after"), "/ /dev/null /dev/null /dev/null []");
  EXPECT_EQ(scratch.read("own"), "/dev/full");
  EXPECT_EQ(scratch.read("session"), "leader");
}

/// In a process of its own: a parent that is killed while its daemon gets ready.
TEST(Daemon, EndsWhenNoProcessWaitsForItAnyMore) {
  const Scratch scratch;
  const pid_t parent = ::fork();
  if (parent == 0) {
    (void)serve_in_background({}, [&](const config::Options&, const Ready& on_ready) {
      scratch.write("started", "");
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      on_ready();  // Raises SIGTERM, whose default action ends this process.
      scratch.write("survived", "");
      return Expected<void>();
    });
    ::_exit(0);
  }
  while (!std::filesystem::exists(scratch.path("started"))) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  (void)::kill(parent, SIGKILL);
  ASSERT_TRUE(wait_for(parent));
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_FALSE(std::filesystem::exists(scratch.path("survived")));
}

TEST(StandardStreams, AreOpenedWhereTheyAreClosed) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::close(0);
    (void)::close(2);
    if (!open_standard_streams()) ::_exit(1);
    ::_exit(::fcntl(0, F_GETFD) >= 0 && ::fcntl(2, F_GETFD) >= 0 ? 0 : 2);
  }
  EXPECT_EQ(wait_for(child).value_or(-1), 0);
}

}  // namespace
}  // namespace overpass::cli
