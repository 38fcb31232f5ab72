// SPDX-License-Identifier: MIT
//
// Whatever a handler's work does, its request is answered exactly once.

#include "fuse/handle.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>

namespace overpass::fuse {
namespace {

/// Notes what it is told to send.
struct NotedReply {
  std::string* notes;
  bool throws_at_sending = false;
  bool answered = false;

  void note(const std::string& text) {
    *notes += (notes->empty() ? "" : ", ") + text;
    answered = true;
  }
  void fail(Errno error) { note("error " + std::to_string(to_int(error))); }
  void send() { note("done"); }
  void send(int value) {
    if (throws_at_sending) throw std::bad_alloc();
    note("value " + std::to_string(value));
  }
  bool is_answered() const { return answered; }
};

/// What is answered by `work`.
template <class Work>
std::string answer_of(Work work, bool throws_at_sending = false) {
  std::string notes;
  NotedReply reply{&notes, throws_at_sending};
  auto for_caller = [&work](const overlay::Caller&) { return work(); };
  return try_to_answer(reply, {}, for_caller) ? notes : "later" + notes;
}

std::string error(int number) { return "error " + std::to_string(number); }

TEST(Answer, IsTheOutcomeOfTheWork) {
  EXPECT_EQ(answer_of([]() -> Result<int> { return 5; }), "value 5");
  EXPECT_EQ(answer_of([]() -> Result<void> { return {}; }), "done");
  EXPECT_EQ(answer_of([]() -> Result<int> { return overpass::fail(ENOSPC); }), error(ENOSPC));
}

TEST(Answer, IsNotGivenWhileTheWorkMustWait) {
  EXPECT_EQ(answer_of([]() -> Result<int> { return overpass::fail(overlay::kMustWait); }), "later");
}

TEST(Answer, IsAnErrorWhenTheWorkThrows) {
  EXPECT_EQ(answer_of([]() -> Result<int> { throw std::bad_alloc(); }), error(ENOMEM));
  EXPECT_EQ(answer_of([]() -> Result<void> { throw std::bad_alloc(); }), error(ENOMEM));
  testing::internal::CaptureStderr();
  EXPECT_EQ(answer_of([]() -> Result<int> { throw std::length_error("a cause"); }), error(EIO));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("a cause"), std::string::npos);
}

TEST(Answer, IsAnErrorWhenItCannotBeMade) {
  EXPECT_EQ(answer_of([]() -> Result<int> { return 5; }, /*throws_at_sending=*/true),
            error(ENOMEM));
}

struct LateReply : NotedReply {
  void send(int value) {
    NotedReply::send(value);
    throw std::bad_alloc();
  }
};

TEST(Answer, IsNotGivenTwiceWhenSomethingFailsAfterIt) {
  std::string notes;
  LateReply reply{{&notes}};
  auto work = [](const overlay::Caller&) -> Result<int> { return 5; };
  EXPECT_TRUE(try_to_answer(reply, {}, work));
  EXPECT_EQ(notes, "value 5");
}

}  // namespace
}  // namespace overpass::fuse
