// SPDX-License-Identifier: MIT
//
// How the answers of single attempts add up.

#include "io/operation.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../sys/scratch.h"

namespace overpass::io {
namespace {

struct Case {
  const char* what;
  Job job;
  std::vector<ssize_t> answers;  ///< All but the last call for another attempt.
  ssize_t outcome;               ///< A number of bytes or a negative errno.
};

/// What comes of a job of 10 bytes.
Case row(const char* what, Job job, std::vector<ssize_t> answers, ssize_t outcome) {
  return {what, std::move(job), std::move(answers), outcome};
}

std::vector<Case> cases() {
  const auto reads = [](bool whole, bool direct) {
    return Job{.action = Action::Read, .whole = whole, .direct = direct};
  };
  const auto writes = [](bool whole) { return Job{.action = Action::Write, .whole = whole}; };
  std::vector<Case> result;
  result.push_back(row("all at once", reads(false, false), {10}, 10));
  result.push_back(row("in pieces", reads(false, false), {3, 3, 4}, 10));
  result.push_back(row("the end of the file", reads(true, false), {3, 0}, 3));
  result.push_back(row("beyond the end", reads(true, false), {0}, 0));
  result.push_back(row("a short direct read", reads(false, true), {3}, 3));
  result.push_back(row("interruptions", reads(false, false), {-EINTR, 3, -EINTR, -EAGAIN, 7}, 10));
  result.push_back(row("an error", reads(false, false), {-EIO}, -EIO));
  result.push_back(row("an error after a part", reads(false, false), {4, -EIO}, 4));
  result.push_back(row("an error of what is wanted whole", reads(true, false), {4, -EIO}, -EIO));
  result.push_back(row("a write in pieces", writes(true), {1, 9}, 10));
  result.push_back(row("a full disk", writes(false), {4, -ENOSPC}, 4));
  result.push_back(row("a full disk for a page", writes(true), {4, -ENOSPC}, -ENOSPC));
  result.push_back(row("a disk that takes nothing", writes(false), {4, 0}, 4));
  result.push_back(row("one that takes nothing of a page", writes(true), {4, 0}, -EIO));
  result.push_back(
      row("a direct write in pieces", {.action = Action::Write, .direct = true}, {4, 6}, 10));
  result.push_back(row("a sync", {.action = Action::Sync}, {-EINTR, 0}, 0));
  result.push_back(row("a sync that fails", {.action = Action::SyncData}, {-EDQUOT}, -EDQUOT));
  result.push_back(row("no room to allocate", {.action = Action::Allocate}, {-ENOSPC}, -ENOSPC));
  result.push_back(row("a cancellation", reads(true, false), {4, -ECANCELED}, -ECANCELED));
  return result;
}

TEST(Operation, AddsAnswersUp) {
  for (Case& each : cases()) {
    std::string memory(10, ' ');
    const bool moves = each.job.action == Action::Read || each.job.action == Action::Write;
    if (moves) each.job.bytes = memory;
    int completions = 0;
    ssize_t outcome = 0;
    Operation operation(std::move(each.job), [&](Result<std::span<char>> moved) {
      ++completions;
      outcome = moved ? static_cast<ssize_t>(moved->size()) : -to_int(moved.error());
    });
    for (size_t i = 0; i < each.answers.size(); ++i) {
      const bool is_last = i + 1 == each.answers.size();
      EXPECT_EQ(operation.advance(each.answers[i]) == Operation::Step::Done, is_last)
          << each.what << " " << i;
    }
    EXPECT_FALSE(operation.is_done()) << each.what;
    operation.complete();
    EXPECT_TRUE(operation.is_done()) << each.what;
    EXPECT_EQ(completions, 1) << each.what;
    EXPECT_EQ(outcome, each.outcome) << each.what;
  }
}

TEST(Operation, GoesOnWhereItStopped) {
  std::string memory(10, ' ');
  Operation operation({.action = Action::Read, .offset = 100, .bytes = memory}, nullptr);
  EXPECT_EQ(operation.advance(3), Operation::Step::Again);
  EXPECT_EQ(operation.position(), 103);
  EXPECT_EQ(operation.rest().data(), memory.data() + 3);
  EXPECT_EQ(operation.rest().size(), 7u);
}

TEST(Operation, CopiesTheRestOfLentBytes) {
  BufferPool pool;
  std::string lent = "0123456789";
  Operation operation({.action = Action::Write, .bytes = lent, .copy_into = &pool}, nullptr);
  EXPECT_EQ(operation.advance(4), Operation::Step::Again);
  EXPECT_EQ(operation.rest().data(), lent.data() + 4) << "not before it is needed";
  operation.own_bytes();
  lent = "xxxxxxxxxx";
  EXPECT_EQ(std::string(operation.rest().begin(), operation.rest().end()), "456789");
  EXPECT_EQ(operation.position(), 4);
  const char* own = operation.rest().data();
  operation.own_bytes();
  EXPECT_EQ(operation.rest().data(), own) << "once is enough";
}

TEST(Operation, WaitsAfterARefusalAndDoesNotTryForEver) {
  std::string memory(10, ' ');
  Operation operation({.action = Action::Write, .bytes = memory}, nullptr);
  EXPECT_FALSE(operation.has_to_wait());
  EXPECT_EQ(operation.advance(-EAGAIN), Operation::Step::Again);
  EXPECT_TRUE(operation.has_to_wait());
  EXPECT_EQ(operation.advance(1), Operation::Step::Again);
  EXPECT_FALSE(operation.has_to_wait()) << "it got on";
  int refusals = 1;
  while (operation.advance(-EAGAIN) == Operation::Step::Again) ASSERT_LT(++refusals, 1000);
}

TEST(Operation, ReleasesItsResourcesAtTheCompletion) {
  BufferPool pool;
  auto pin = std::make_shared<int>(1);
  auto captured = std::make_shared<int>(2);
  const std::weak_ptr<int> watched_pin = pin, watched_captured = captured;
  Buffer buffer = pool.take(4096);
  const auto bytes = buffer.bytes();
  Job job = {.pin = std::move(pin), .bytes = bytes, .buffer = std::move(buffer)};
  Operation operation(std::move(job), [&, captured = std::move(captured)](auto moved) {
    EXPECT_EQ(unit::must(moved).data(), bytes.data());
    EXPECT_FALSE(watched_pin.expired());
    EXPECT_EQ(pool.kept(), 0u) << "the bytes are there while the completion runs";
  });
  EXPECT_EQ(operation.advance(4096), Operation::Step::Done);
  operation.complete();
  EXPECT_TRUE(watched_pin.expired());
  EXPECT_TRUE(watched_captured.expired());
  EXPECT_EQ(pool.kept(), 4096u);
}

TEST(Operation, CanBeGivenUpOnlyWhileNothingIsLost) {
  EXPECT_TRUE(Operation({.action = Action::Read}, nullptr).may_be_cancelled());
  for (const Action action : {Action::Write, Action::Sync, Action::SyncData, Action::Allocate}) {
    EXPECT_FALSE(Operation({.action = action}, nullptr).may_be_cancelled());
  }
}

}  // namespace
}  // namespace overpass::io
