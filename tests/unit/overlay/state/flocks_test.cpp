// SPDX-License-Identifier: MIT

#include "overlay/state/flocks.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

namespace overpass::overlay {
namespace {

constexpr auto kShared = Flocks::Kind::Shared;
constexpr auto kExclusive = Flocks::Kind::Exclusive;
constexpr uint64_t kDomain = 7;

/// What was answered so far, in order: "OWNER" for a lock, "OWNER!ERRNO" for a refusal.
class Answers {
 public:
  Flocks::Answer of(uint64_t owner) {
    return [this, owner](Result<void> result) {
      std::string text = std::to_string(owner);
      if (!result) text += "!" + std::to_string(to_int(result.error()));
      said_.push_back(text);
    };
  }
  std::vector<std::string> take() { return std::exchange(said_, {}); }

 private:
  std::vector<std::string> said_;
};

using Said = std::vector<std::string>;

class FlocksTest : public testing::Test {
 protected:
  /// Returns whether the answer comes later.
  bool lock(uint64_t owner, Flocks::Kind kind, bool waits = false, pid_t thread = ::getpid()) {
    return flocks.lock({kDomain, owner, kind, waits, thread}, answers.of(owner));
  }

  Flocks flocks;
  Answers answers;
};

TEST_F(FlocksTest, SharedLocksGoTogetherAndAnExclusiveOneDoesNot) {
  EXPECT_FALSE(lock(1, kShared));
  EXPECT_FALSE(lock(2, kShared));
  EXPECT_EQ(answers.take(), (Said{"1", "2"}));
  EXPECT_TRUE(lock(3, kExclusive, true));
  EXPECT_EQ(answers.take(), Said{});
  flocks.unlock(kDomain, 1);
  EXPECT_EQ(answers.take(), Said{});
  flocks.unlock(kDomain, 2);
  EXPECT_EQ(answers.take(), Said{"3"});
}

TEST_F(FlocksTest, DomainsDoNotKnowEachOther) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_FALSE(flocks.lock({kDomain + 16, 2, kExclusive, false, 0}, answers.of(2)));
  EXPECT_EQ(answers.take(), (Said{"1", "2"}));
}

TEST_F(FlocksTest, ConvertingALockGivesTheOldOneUpFirst) {
  EXPECT_FALSE(lock(1, kShared));
  EXPECT_FALSE(lock(2, kShared));
  EXPECT_TRUE(lock(1, kExclusive));  // Refused, and the shared one is lost.
  EXPECT_FALSE(lock(2, kExclusive));
  EXPECT_EQ(answers.take(), (Said{"1", "2", "2"}));
}

TEST_F(FlocksTest, ALockOfTheSameKindIsTakenAgain) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_FALSE(lock(1, kExclusive));
  flocks.unlock(kDomain, 1);
  EXPECT_FALSE(lock(2, kExclusive));
  EXPECT_EQ(answers.take(), (Said{"1", "1", "2"}));
}

TEST_F(FlocksTest, ConvertingToASharedLockLetsOthersIn) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kShared, true));
  EXPECT_TRUE(lock(3, kShared, true));
  EXPECT_FALSE(lock(1, kShared));
  EXPECT_EQ(answers.take(), (Said{"1", "1", "2", "3"}));
}

TEST_F(FlocksTest, ThoseThatWaitAreGrantedInTheirOrder) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kExclusive, true));
  EXPECT_TRUE(lock(3, kShared, true));
  EXPECT_TRUE(lock(4, kExclusive, true));
  EXPECT_EQ(answers.take(), Said{"1"});
  for (const uint64_t owner : {1, 2, 3, 4}) {
    flocks.unlock(kDomain, owner);
    const std::string next = std::to_string(owner + 1);
    EXPECT_EQ(answers.take(), owner < 4 ? Said{next} : Said{}) << "after " << owner;
  }
}

TEST_F(FlocksTest, ARequestThatMayNotWaitIsGrantedIfTheLockIsReleasedAMomentLater) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kExclusive));
  flocks.unlock(kDomain, 1);
  EXPECT_EQ(answers.take(), (Said{"1", "2"}));
}

TEST_F(FlocksTest, ARequestThatMayNotWaitIsRefusedWhenTheMomentIsOver) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kExclusive));
  while (const auto again = flocks.attend()) std::this_thread::sleep_for(*again);
  EXPECT_EQ(answers.take(), (Said{"1", "2!" + std::to_string(EWOULDBLOCK)}));
  flocks.unlock(kDomain, 1);
  EXPECT_EQ(answers.take(), Said{});
}

TEST_F(FlocksTest, ARequestOfAThreadThatCannotBeSeenDoesNotWait) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kExclusive, true, 0));
  EXPECT_EQ(flocks.attend(), std::nullopt);
  EXPECT_EQ(answers.take(), (Said{"1", "2!" + std::to_string(ENOLCK)}));
}

TEST_F(FlocksTest, ASignalToTheThreadEndsItsWaitUnlessItIsBlocked) {
  std::atomic<pid_t> thread = 0;
  std::atomic<bool> is_over = false;
  sigset_t user;
  sigemptyset(&user);
  sigaddset(&user, SIGUSR1);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &user, nullptr), 0);
  std::thread blocking([&] {
    thread = static_cast<pid_t>(::syscall(SYS_gettid));
    while (!is_over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    timespec now = {};
    sigtimedwait(&user, nullptr, &now);  // Takes it away.
  });
  while (thread == 0) std::this_thread::yield();
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kExclusive, true, thread));
  ASSERT_EQ(pthread_kill(blocking.native_handle(), SIGUSR1), 0);
  EXPECT_EQ(flocks.attend(), Flocks::kSignalDelay);
  EXPECT_EQ(answers.take(), Said{"1"});
  is_over = true;
  blocking.join();

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::raise(SIGSTOP);  // What is sent while it is stopped stays pending.
    ::pause();
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(lock(3, kExclusive, true, child));
  EXPECT_EQ(flocks.attend(), Flocks::kSignalDelay);
  // SIGALRM is not blocked there.
  ASSERT_EQ(::kill(child, SIGALRM), 0);
  (void)flocks.attend();
  const Said said = answers.take();
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.back(), "3!" + std::to_string(EINTR));
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
}

TEST_F(FlocksTest, TheEndOfTheMountAnswersAllThatWait) {
  EXPECT_FALSE(lock(1, kExclusive));
  EXPECT_TRUE(lock(2, kExclusive, true));
  EXPECT_TRUE(lock(3, kShared));
  flocks.end();
  const std::string interrupted = "!" + std::to_string(EINTR);
  EXPECT_EQ(answers.take(), (Said{"1", "2" + interrupted, "3" + interrupted}));
  EXPECT_EQ(flocks.attend(), std::nullopt);
}

/// Many threads take and give up a lock and count with a plain variable under it.
TEST(FlocksThreads, OneOwnerAtATimeHasAnExclusiveLock) {
  constexpr int kThreads = 8, kTurns = 500;
  Flocks flocks;
  int inside = 0, most = 0, turns = 0;
  std::vector<std::thread> threads;
  for (uint64_t owner = 1; owner <= kThreads; ++owner) {
    threads.emplace_back([&, owner] {
      for (int turn = 0; turn < kTurns; ++turn) {
        std::atomic<bool> has_it = false;
        (void)flocks.lock({kDomain, owner, kExclusive, true, ::getpid()},
                          [&has_it](Result<void> result) {
                            if (result) has_it.store(true, std::memory_order_release);
                            has_it.notify_one();
                          });
        has_it.wait(false, std::memory_order_acquire);
        most = std::max(most, ++inside);
        ++turns;
        --inside;
        flocks.unlock(kDomain, owner);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(turns, kThreads * kTurns);
}

}  // namespace
}  // namespace overpass::overlay
