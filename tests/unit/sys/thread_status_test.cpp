// SPDX-License-Identifier: MIT
//
// What /proc says of this process, and of a made-up one.
//
// Signals that are pending for threads. A process that was killed keeps showing it until it is
// waited for; of other deadly signals tests/mount/copy_up/long_copies_test.py has one.

#include "sys/thread_status.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "ended_child.h"
#include "sys/credentials.h"

namespace overpass::sys {

namespace {

constexpr std::string_view kStatus =
    "Name:\tGroups: 7\nGroups:\t4 20 3000 \nNoNewPrivs:\t0\nCapEff:\t0000000000000010\nEmpty:\t\n";

TEST(StatusField, IsTheOneThatBeginsALine) {
  EXPECT_EQ(status_field(kStatus, "Groups"), "4 20 3000");
  EXPECT_EQ(status_field(kStatus, "Name"), "Groups: 7");
}

TEST(StatusField, IsEmptyWithoutOne) {
  EXPECT_EQ(status_field(kStatus, "Empty"), "");
  EXPECT_EQ(status_field(kStatus, "Privs"), "");
  EXPECT_EQ(status_field("", "Name"), "");
}

TEST(StatusBits, AreHexadecimal) {
  EXPECT_EQ(status_bits(kStatus, "CapEff"), 1U << CAP_FSETID);
  EXPECT_EQ(status_bits(kStatus, "Name"), 0U);
}

TEST(ThreadRights, AreThoseOfTheThread) {
  const auto rights = rights_of(::gettid());
  ASSERT_TRUE(rights);
  EXPECT_TRUE(rights->shares_namespace);
  EXPECT_FALSE(rights->hides_namespace);
  std::vector<gid_t> groups(static_cast<size_t>(::getgroups(0, nullptr)));
  ASSERT_GE(::getgroups(static_cast<int>(groups.size()), groups.data()), 0);
  EXPECT_TRUE(std::is_permutation(groups.begin(), groups.end(), rights->groups.begin(),
                                  rights->groups.end()));
}

TEST(ThreadRights, FollowTheEffectiveCapabilities) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs capabilities to take away";
  trim_capabilities();
  EXPECT_FALSE(rights_of(::gettid())->has_fsetid());
  const KeepingSetgid keeping(true);
  EXPECT_TRUE(rights_of(::gettid())->has_fsetid());
}

TEST(ThreadRights, OfAnUnseenThreadAreUnknown) {
  EXPECT_TRUE(rights_of(0).failed_with(ESRCH));
  EXPECT_TRUE(rights_of(-1).failed_with(ESRCH));
}

}  // namespace

namespace {

using unit::EndedChild;

TEST(FatalSignal, Shows) { EXPECT_TRUE(is_being_killed(EndedChild().pid())); }

TEST(FatalSignal, IsNoneThatIsBlockedOrHandled) {
  const pid_t self = ::gettid();
  EXPECT_FALSE(is_being_killed(self));
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  ASSERT_EQ(::pthread_kill(::pthread_self(), SIGUSR1), 0);
  EXPECT_FALSE(is_being_killed(self));
  int taken = 0;
  EXPECT_EQ(::sigwait(&blocked, &taken), 0);
  EXPECT_EQ(taken, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(FatalSignal, OfAnUnseenThreadIsNotSeen) {
  EXPECT_FALSE(is_being_killed(0));
  EXPECT_FALSE(is_being_killed(-1));
  pid_t gone;
  {
    const EndedChild child;
    gone = child.pid();
  }
  EXPECT_FALSE(is_being_killed(gone));
}

}  // namespace

}  // namespace overpass::sys
