// SPDX-License-Identifier: MIT
//
// The ring of the last requests, by itself, and as it is asked by the attribute of the root.

#include "fuse/request_trace.h"

#include <atomic>
#include <thread>

#include "fuse/trace_report.h"
#include "fuse_test.h"

namespace overpass::unit {
namespace {

using fuse::Opcode;
using fuse::RequestTrace;

std::vector<uint64_t> numbers(const std::vector<fuse::TracedRequest>& requests) {
  std::vector<uint64_t> numbers;
  for (const auto& request : requests) numbers.push_back(request.number);
  return numbers;
}

TEST(RequestTrace, HasWhatIsUnderWayAndWhatWasAnswered) {
  RequestTrace trace;
  const auto first = trace.begin(Opcode::Lookup, 7, 100);
  const auto second = trace.begin(Opcode::Open, 8, 200);
  trace.end(second, ENOENT);
  const auto requests = trace.since(0, 10);
  ASSERT_EQ(numbers(requests), std::vector<uint64_t>({first.number, second.number}));
  EXPECT_EQ(requests[0].opcode, Opcode::Lookup);
  EXPECT_EQ(requests[0].node, 7U);
  EXPECT_EQ(requests[0].caller, 100);
  EXPECT_FALSE(requests[0].duration.has_value());
  EXPECT_TRUE(requests[1].duration.has_value());
  EXPECT_EQ(requests[1].error, ENOENT);
  EXPECT_EQ(trace.latencies(Opcode::Open).count(), 1U);
  EXPECT_EQ(trace.latencies(Opcode::Lookup).count(), 0U);
}

TEST(RequestTrace, GivesAsManyAsAreWantedFromWhereItIsAsked) {
  RequestTrace trace;
  for (int i = 0; i < 10; ++i) trace.end(trace.begin(Opcode::Getattr, 1, 1), 0);
  EXPECT_EQ(numbers(trace.since(4, 3)), std::vector<uint64_t>({4, 5, 6}));
  EXPECT_EQ(numbers(trace.since(11, 3)), std::vector<uint64_t>());
  EXPECT_EQ(trace.next(), 11U);
}

TEST(RequestTrace, ForgetsTheOldest) {
  RequestTrace trace;
  for (size_t i = 0; i < RequestTrace::kKept + 5; ++i) (void)trace.begin(Opcode::Read, i, 0);
  const auto requests = trace.since(1, RequestTrace::kKept);
  ASSERT_FALSE(requests.empty());
  EXPECT_GT(requests.front().number, 5U);
  EXPECT_EQ(requests.back().number, RequestTrace::kKept + 5);
}

TEST(RequestTrace, LeavesANewerRequestAloneWhenAForgottenOneEnds) {
  RequestTrace trace;
  const auto old = trace.begin(Opcode::Write, 1, 1);
  for (size_t i = 0; i < RequestTrace::kKept; ++i) (void)trace.begin(Opcode::Read, 2, 2);
  trace.end(old, EIO);
  const auto requests = trace.since(old.number + RequestTrace::kKept, 1);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_FALSE(requests[0].duration.has_value());
  EXPECT_EQ(trace.latencies(Opcode::Write).count(), 1U);
}

TEST(RequestTrace, IsReadWhileManyThreadsWriteIt) {
  RequestTrace trace;
  std::atomic<bool> is_over = false;
  {
    std::vector<std::jthread> writers;
    for (uint64_t thread = 1; thread <= 3; ++thread) {
      writers.emplace_back([&trace, thread] {
        for (int i = 0; i < 20'000; ++i) {
          trace.end(trace.begin(Opcode::Lookup, thread, static_cast<pid_t>(thread)), 0);
        }
      });
    }
    const std::jthread reader([&] {
      while (!is_over) {
        for (const auto& request : trace.since(0, RequestTrace::kKept)) {
          EXPECT_EQ(request.node, static_cast<uint64_t>(request.caller));
        }
      }
    });
    for (auto& writer : writers) writer.join();
    is_over = true;
  }
  EXPECT_EQ(trace.latencies(Opcode::Lookup).count(), 60'000U);
}

class TraceReports : public FuseTest {
 protected:
  Answer ask(const std::string& question, uint64_t node = kRootId) {
    const std::string name = std::string(fuse::kTraceXattr) + question;
    return fuse.call(FUSE_GETXATTR, node,
                     bytes_of(fuse_getxattr_in{.size = 65'536}) + name_of(name));
  }
  fuse::TraceReport report(uint64_t number, size_t most = 1000) {
    auto report = fuse::read_trace_report(ask(fuse::trace_question(number, most)).payload);
    if (!report) throw std::runtime_error("no report");
    return std::move(*report);
  }
};

TEST_F(TraceReports, TellWhoAskedWhatAndWhatWasAnswered) {
  fuse.disk.write("lower/d/file", "");
  const uint64_t directory = node_of("d");
  const uint64_t from = report(0).newest;
  EXPECT_EQ(look_up(directory, "absent").nodeid, 0U);
  EXPECT_NE(look_up(directory, "file").nodeid, 0U);
  const auto told = report(from);
  ASSERT_EQ(told.requests.size(), 3U);
  EXPECT_EQ(told.requests[0].type, "LOOKUP");
  EXPECT_EQ(told.requests[0].path, "/d");
  EXPECT_EQ(told.requests[0].error, ENOENT);
  EXPECT_FALSE(told.requests[0].is_under_way);
  EXPECT_GE(told.requests[0].seconds, 0);
  EXPECT_EQ(told.requests[1].error, 0);
  EXPECT_EQ(told.requests[2].type, "GETXATTR");
  EXPECT_TRUE(told.requests[2].is_under_way);
  EXPECT_EQ(told.next, told.requests[2].number + 1);
}

TEST_F(TraceReports, FitIntoAnAttribute) {
  const std::string name(200, '\x01');
  fuse.disk.write("lower/" + name, "");
  const uint64_t node = node_of(name);
  for (int i = 0; i < 200; ++i) (void)fuse.call(FUSE_READLINK, node, "");
  const auto all = ask(fuse::trace_question(1, 4096));
  EXPECT_LT(all.payload.size(), 65'536U);
  const auto told = report(1, 4096);
  EXPECT_LT(told.next, told.newest);
  EXPECT_EQ(report(told.next).requests.front().number, told.next);
}

TEST_F(TraceReports, AreNoAnswerToOtherQuestions) {
  for (const char* question : {"", "1", "1:", ":1", "x:1", "1:x", "-1:1"}) {
    EXPECT_EQ(ask(question).error, ENODATA) << question;
  }
  EXPECT_FALSE(fuse::read_trace_report("").has_value());
  EXPECT_FALSE(fuse::read_trace_report("{}").has_value());
  EXPECT_FALSE(fuse::read_trace_report("[1]").has_value());
}

}  // namespace
}  // namespace overpass::unit
