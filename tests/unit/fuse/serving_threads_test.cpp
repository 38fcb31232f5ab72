// SPDX-License-Identifier: MIT
//
// Serving threads with a pipe for the kernel: each request is one byte, and what handling it means
// is the test's to say.

#include "fuse/serving_threads.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "sys/file_io.h"

namespace overpass::fuse {
namespace {

class PipeRequests : public RequestSource {
 public:
  PipeRequests() {
    std::array<int, 2> ends = {};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
  }

  Result<Arrival> receive(fuse_buf& buffer) override {
    if (buffer.mem == nullptr) {
      if (without_memory.fetch_sub(1) > 0) return fail(ENOMEM);
      buffer.mem = std::malloc(1);
    }
    const ssize_t count = ::read(raw(read_end_), buffer.mem, 1);
    if (count < 0 && errno == EINTR) return Arrival::Interrupted;
    if (count == 0) return on_end;
    return Arrival::Request;
  }

  bool handle(const fuse_buf& buffer) override {
    const char request = *static_cast<const char*>(buffer.mem);
    {
      const std::lock_guard lock(mutex_);
      handlers_.insert(std::this_thread::get_id());
    }
    const bool goes_on = work(request);
    {
      const std::lock_guard lock(mutex_);
      handled_.push_back(request);
    }
    changed_.notify_all();
    return goes_on;
  }

  bool has_waiting() override { return !hides_waiting && sys::has_input(read_end_); }

  /// Capital letters are callers, all else is the kernel's.
  uint64_t caller_of(const fuse_buf& buffer) const override {
    const char request = *static_cast<const char*>(buffer.mem);
    return request >= 'A' && request <= 'Z' ? static_cast<uint64_t>(request) : 0;
  }

  void send(const std::string& requests) {
    ASSERT_EQ(::write(raw(write_end_), requests.data(), requests.size()),
              static_cast<ssize_t>(requests.size()));
  }
  void end() { write_end_.reset(); }

  /// Waits until so many requests have been handled in all.
  std::string wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return handled_.size() >= count; });
    return handled_;
  }
  /// How many threads have handled requests since it was last asked.
  size_t take_handlers() {
    const std::lock_guard lock(mutex_);
    return std::exchange(handlers_, {}).size();
  }

  std::function<bool(char)> work = [](char) { return true; };
  Result<Arrival> on_end = Arrival::End;
  std::atomic<int> without_memory = 0;      ///< So many attempts to receive find no memory.
  std::atomic<bool> hides_waiting = false;  ///< As if each request came alone.

 private:
  static int raw(const UniqueFd& fd) { return overpass::raw(BorrowedFd(fd)); }

  UniqueFd read_end_, write_end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string handled_;
  std::set<std::thread::id> handlers_;
};

/// Threads that serve a pipe; stopped at the end of the test, which must then end.
class Serving {
 public:
  explicit Serving(unsigned most, std::chrono::milliseconds tick = std::chrono::milliseconds(10),
                   ServingThreads::Looking looking = {})
      : threads(requests, most, looking, tick) {}
  ~Serving() {
    if (run_.valid()) (void)stop();
  }

  void start() {
    run_ = std::async(std::launch::async, [this] { return threads.run(); });
  }
  Result<void> stop() {
    threads.stop();
    return run_.get();
  }
  Result<void> wait() { return run_.get(); }

  PipeRequests requests;
  ServingThreads threads;

 private:
  std::future<Result<void>> run_;
};

/// No request is ever slow, whatever else the machine does.
constexpr std::chrono::milliseconds kNever = std::chrono::hours(1);

TEST(ServingThreads, OneThreadHandlesRequestsThatComeOneByOne) {
  Serving serving(4, kNever);
  serving.start();
  for (size_t i = 1; i <= 1000; ++i) {
    serving.requests.send("r");
    (void)serving.requests.wait_for(i);
  }
  EXPECT_EQ(serving.requests.take_handlers(), 1U);
  EXPECT_EQ(serving.threads.active(), 1U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, HandlesEachRequestOnceInOrderWithOneThread) {
  Serving serving(1);
  serving.requests.send("abcdef");
  serving.start();
  EXPECT_EQ(serving.requests.wait_for(6), "abcdef");
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, HandlesEachRequestOnceInOrderWhileItLooksForTheNext) {
  Serving serving(1, kNever, {.longest = std::chrono::milliseconds(1), .processors = 2});
  serving.start();
  for (size_t i = 1; i <= 1000; ++i) {
    serving.requests.send("r");
    EXPECT_EQ(serving.requests.wait_for(i).size(), i);
  }
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, StoppingEndsAThreadThatLooks) {
  Serving serving(1, kNever, {.longest = std::chrono::hours(1), .processors = 2});
  serving.start();
  EXPECT_TRUE(serving.stop().has_value());
}

TEST(ServingThreads, ASlowRequestHoldsUpNoOthers) {
  Serving serving(2);
  std::latch other_was_handled(1);
  serving.requests.work = [&](char request) {
    if (request == 's') other_was_handled.wait();
    if (request == 'o') other_was_handled.count_down();
    return true;
  };
  serving.start();
  serving.requests.send("so");
  EXPECT_EQ(serving.requests.wait_for(2).size(), 2U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, ASlowRequestAfterALongPauseHoldsUpNoOthers) {
  Serving serving(2);
  std::latch other_was_handled(1);
  serving.requests.work = [&](char request) {
    if (request == 's') other_was_handled.wait();
    if (request == 'o') other_was_handled.count_down();
    return true;
  };
  serving.start();
  serving.requests.send("a");
  (void)serving.requests.wait_for(1);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(1500));  // The keeper does not look any more.
  serving.requests.send("so");
  EXPECT_EQ(serving.requests.wait_for(3).size(), 3U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, AsManySlowRequestsAreHandledAtATimeAsThreadsAreAllowed) {
  Serving serving(4);
  std::latch all(4);
  serving.requests.work = [&](char) {
    all.arrive_and_wait();
    return true;
  };
  serving.start();
  serving.requests.send("abcd");
  EXPECT_EQ(serving.requests.wait_for(4).size(), 4U);
  EXPECT_EQ(serving.requests.take_handlers(), 4U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, MoreThanAreAllowedJoinWhileAllAreStuck) {
  // As many callers ask a file server that does not answer.
  Serving serving(2);
  constexpr size_t kStuck = 12;
  std::latch answered(1);
  serving.requests.work = [&](char request) {
    if (request == 's') answered.wait();
    return true;
  };
  serving.start();
  serving.requests.send(std::string(kStuck, 's') + "o");
  EXPECT_EQ(serving.requests.wait_for(1), "o");
  answered.count_down();
  EXPECT_EQ(serving.requests.wait_for(kStuck + 1).size(), kStuck + 1);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, AThreadWithoutMemoryForItsBufferEndsNothing) {
  Serving serving(2);
  serving.requests.without_memory = 3;
  std::latch other_was_handled(1);
  serving.requests.work = [&](char request) {
    if (request == 's') {
      serving.requests.without_memory = 3;  // Of the thread that is to join now.
      other_was_handled.wait();
    }
    if (request == 'o') other_was_handled.count_down();
    return true;
  };
  serving.start();
  serving.requests.send("so");
  EXPECT_EQ(serving.requests.wait_for(2).size(), 2U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, MoreJoinWhenOneDoesNotKeepUpAndLeaveAfterwards) {
  Serving serving(3, kNever);
  serving.requests.work = [&](char request) {
    if (request == 'w') std::this_thread::sleep_for(std::chrono::microseconds(20));
    return true;
  };
  serving.requests.send(std::string(20'000, 'w'));
  serving.start();
  (void)serving.requests.wait_for(20'000);
  EXPECT_EQ(serving.requests.take_handlers(), 3U);
  // The thread that has waited longest is woken, so all three draw their conclusion in this time.
  for (size_t i = 1; i <= 4000 && serving.threads.active() > 1; ++i) {
    serving.requests.send("r");
    (void)serving.requests.wait_for(20'000 + i);
  }
  EXPECT_EQ(serving.threads.active(), 1U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, AreAsManyAsThereAreCallersSideBySide) {
  Serving serving(3, kNever);
  serving.requests.hides_waiting = true;
  serving.start();
  size_t sent = 0;
  const auto send = [&](const char* requests, size_t wanted) {
    for (size_t i = 0; i < 8000 && serving.threads.active() != wanted; ++i) {
      const char one[] = {requests[i % std::strlen(requests)], '\0'};
      serving.requests.send(one);
      (void)serving.requests.wait_for(++sent);
    }
    return serving.threads.active();
  };
  EXPECT_EQ(send("AB", 2), 2U);
  EXPECT_EQ(send("ABC", 3), 3U);
  EXPECT_EQ(send("A", 1), 1U);
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, AreOneForCallersThatComeOneAfterAnother) {
  Serving serving(3, kNever);
  serving.requests.hides_waiting = true;
  serving.start();
  for (size_t i = 0; i < 6000; ++i) {
    const char one[] = {static_cast<char>('A' + i / 50 % 26), '\0'};
    serving.requests.send(one);
    (void)serving.requests.wait_for(i + 1);
    ASSERT_EQ(serving.threads.active(), 1U) << "after " << i + 1;
  }
  EXPECT_TRUE(serving.stop());
}

TEST(ServingThreads, StoppingWaitsForRequestsUnderWay) {
  Serving serving(2);
  std::promise<void> begun, may_end;
  serving.requests.work = [&](char) {
    begun.set_value();
    may_end.get_future().wait();
    return true;
  };
  serving.start();
  serving.requests.send("s");
  begun.get_future().wait();
  serving.threads.stop();
  may_end.set_value();
  EXPECT_TRUE(serving.wait());
  EXPECT_EQ(serving.requests.wait_for(1), "s");
}

TEST(ServingThreads, StoppingInterruptsThreadsThatWaitWhenverTheyBegan) {
  for (int round = 0; round < 300; ++round) {
    Serving serving(2);
    serving.start();
    if (round % 3 == 0) std::this_thread::yield();
    if (round % 3 == 1) serving.requests.send("r");
    EXPECT_TRUE(serving.stop());
  }
}

TEST(ServingThreads, AllEndWithTheSource) {
  Serving serving(3);
  std::latch all(3);
  serving.requests.work = [&](char) {
    all.arrive_and_wait();
    return true;
  };
  serving.start();
  serving.requests.send("abc");
  (void)serving.requests.wait_for(3);
  serving.requests.end();
  EXPECT_TRUE(serving.wait());
}

TEST(ServingThreads, AFailureToReceiveIsReported) {
  Serving serving(2);
  serving.requests.on_end = fail(EIO);
  serving.start();
  serving.requests.end();
  EXPECT_TRUE(serving.wait().failed_with(EIO));
}

TEST(ServingThreads, EndsWhenTheHandlerSaysSo) {
  Serving serving(2);
  serving.requests.work = [](char request) { return request != 'l'; };
  serving.requests.send("al");
  serving.start();
  EXPECT_TRUE(serving.wait());
  EXPECT_EQ(serving.requests.wait_for(2), "al");
}

}  // namespace
}  // namespace overpass::fuse
