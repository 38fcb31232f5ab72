// SPDX-License-Identifier: MIT
//
// The server's side of the account is played by a thread that grants what it is told to.

#include "broker/allowance.h"

#include <gtest/gtest.h>

#include <deque>
#include <span>
#include <thread>
#include <vector>

#include "../sys/scratch.h"
#include "sys/unix_socket.h"

namespace overpass::broker {
namespace {

class AllowanceTest : public testing::Test {
 protected:
  AllowanceTest() : pair_(unit::must(sys::connected_pair())) {}

  /// Answers as many questions as there are grants, while `use` runs.
  template <class Use>
  std::vector<Report> with_grants(std::deque<Grant> grants, Use use) {
    std::vector<Report> reports;
    std::thread server([&] {
      while (!grants.empty()) {
        Report report;
        (void)sys::receive_packet(pair_.first, std::as_writable_bytes(std::span(&report, 1)),
                                  sys::Wait::Yes);
        reports.push_back(report);
        if (report.wants_answer == 0) continue;
        const Grant grant = grants.front();
        grants.pop_front();
        (void)sys::send_packet(pair_.first, std::as_bytes(std::span(&grant, 1)), {},
                               sys::Wait::Yes);
      }
    });
    use();
    server.join();
    return reports;
  }

  std::pair<UniqueFd, UniqueFd> pair_;
  Allowance allowance_{pair_.second};
};

TEST_F(AllowanceTest, AsksOncePerGrant) {
  const auto reports = with_grants({{.requests = 3}, {.files = 2}, {}, {}}, [&] {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(allowance_.take_request());
    EXPECT_TRUE(allowance_.take_file());
    EXPECT_TRUE(allowance_.take_file());
    EXPECT_FALSE(allowance_.take_file());
    EXPECT_FALSE(allowance_.take_request());
  });
  EXPECT_EQ(reports.size(), 4U);
  EXPECT_EQ(allowance_.files(), 2U);
}

TEST_F(AllowanceTest, ReusesReturnedAllowance) {
  with_grants({{.files = 1}}, [&] {
    EXPECT_TRUE(allowance_.take_file());
    for (int i = 0; i < 1000; ++i) {
      allowance_.give_back_file();
      EXPECT_TRUE(allowance_.take_file());
    }
  });
  EXPECT_EQ(allowance_.files(), 1U);
}

TEST_F(AllowanceTest, GivesBackExcessAllowance) {
  const auto reports = with_grants({{.files = 1000}, {.requests = 1}}, [&] {
    EXPECT_TRUE(allowance_.take_file());
    EXPECT_TRUE(allowance_.take_request());
  });
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[1].files, 1U);
  EXPECT_EQ(reports[1].given_back, 999U - 64U);
}

TEST_F(AllowanceTest, KnowsWhetherTheServerKnows) {
  EXPECT_FALSE(allowance_.has_news());
  with_grants({{.files = 1}}, [&] { EXPECT_TRUE(allowance_.take_file()); });
  EXPECT_TRUE(allowance_.has_news());
  allowance_.tell();
  EXPECT_FALSE(allowance_.has_news());
}

TEST_F(AllowanceTest, IsEmptyWithoutAServer) {
  pair_.first.reset();
  EXPECT_FALSE(allowance_.take_request());
  EXPECT_FALSE(allowance_.take_file());
  EXPECT_EQ(allowance_.files(), 0U);
}

TEST_F(AllowanceTest, AsksForALineAtATime) {
  const auto reports = with_grants({{.lines = 1}, {.lines = 1}, {}}, [&] {
    EXPECT_TRUE(allowance_.take_line());
    EXPECT_TRUE(allowance_.take_line());
    EXPECT_FALSE(allowance_.take_line());
    EXPECT_FALSE(allowance_.take_line()) << "it is not asked again at once";
  });
  ASSERT_EQ(reports.size(), 3U);
  for (const Report& report : reports) EXPECT_EQ(report.lines_wanted, 1U);
  EXPECT_TRUE(allowance_.has_news());
  const auto told = with_grants({{.files = 1}}, [&] { EXPECT_TRUE(allowance_.take_file()); });
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].lines_left_out, 2U);
}

}  // namespace
}  // namespace overpass::broker
