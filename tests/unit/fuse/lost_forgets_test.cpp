// SPDX-License-Identifier: MIT
//
// Nodes that the kernel has no more, and those that only seem so.

#include "fuse/lost_forgets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <semaphore>
#include <set>

#include "base/mutex.h"

namespace overpass::fuse {
namespace {

using overlay::InodeRef;
using overlay::NodeId;

class LostForgetsTest : public testing::Test {
 protected:
  NodeId known(int lookups) {
    const InodeRef inode = table_.make(next_++, S_IFREG);
    for (int i = 0; i < lookups; ++i) table_.remember(*inode);
    return inode->id;
  }

  /// Runs it until `looks` looks at the queue were taken and what follows had time to be done.
  void run(int looks) {
    LostForgets lost(table_, notifier_,
                     {.has_node =
                          [this](NodeId node) {
                            if (at_look_) at_look_(node);
                            return !missing_.contains(node);
                          },
                      .has_waiting =
                          [this] {
                            looked_.release();
                            return is_busy_.load();
                          }},
                     std::chrono::milliseconds(1));
    lost.look();
    for (int i = 0; i < looks; ++i) looked_.acquire();
    Chore last([this] { done_.release(); });
    notifier_.add(last);
    notifier_.ask_for(last, std::chrono::milliseconds(30));
    done_.acquire();
    notifier_.remove(last);
  }

  uint64_t next_ = 10;
  overlay::InodeTable table_{[](overlay::Inode&) {}};
  InodeRef root_ = table_.make(1, S_IFDIR);
  Notifier notifier_{nullptr};
  std::set<NodeId> missing_;
  std::function<void(NodeId)> at_look_;
  std::atomic<bool> is_busy_ = false;
  std::counting_semaphore<> looked_{0};
  std::binary_semaphore done_{0};
};

TEST_F(LostForgetsTest, ForgetsWhatTheKernelDoesNotHave) {
  const NodeId there = known(2);
  const NodeId gone = known(3);
  missing_ = {gone};
  run(1);
  EXPECT_EQ(table_.lookups(gone), 0U);
  EXPECT_FALSE(table_.find(gone));
  EXPECT_EQ(table_.lookups(there), 2U);
}

TEST_F(LostForgetsTest, LeavesWhatIsLookedUpMeanwhile) {
  const NodeId again = known(1);
  missing_ = {again};
  bool is_second = false;
  at_look_ = [&](NodeId node) {
    if (!std::exchange(is_second, true)) table_.remember(*table_.find(node));
  };
  run(1);
  EXPECT_EQ(table_.lookups(again), 2U);
}

TEST_F(LostForgetsTest, LeavesWhatTheKernelHasAgain) {
  const NodeId again = known(1);
  missing_ = {again};
  at_look_ = [&, looks = 0](NodeId) mutable {
    if (++looks == 2) missing_.clear();
  };
  run(1);
  EXPECT_EQ(table_.lookups(again), 1U);
}

TEST_F(LostForgetsTest, WaitsUntilNoRequestWaits) {
  const NodeId gone = known(1);
  missing_ = {gone};
  is_busy_ = true;
  run(3);
  EXPECT_EQ(table_.lookups(gone), 1U);
}

TEST_F(LostForgetsTest, ManyNodesTakeSeveralGoes) {
  std::vector<NodeId> gone;
  for (int i = 0; i < 10'000; ++i) gone.push_back(known(1));
  missing_ = {gone.begin(), gone.end()};
  run(1);
  for (const NodeId node : gone) EXPECT_EQ(table_.lookups(node), 0U);
}

}  // namespace
}  // namespace overpass::fuse
