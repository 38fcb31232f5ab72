// SPDX-License-Identifier: MIT
//
// What a keeper and a visitor say to each other.

#include "sandbox/message.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <span>
#include <thread>

#include "sys/unix_socket.h"

namespace overpass::sandbox {
namespace {

class MessageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = sys::connected_pair();
    ASSERT_TRUE(pair);
    std::tie(keeper, visitor) = std::move(*pair);
  }
  std::string arrived() {
    std::array<char, kLongestPacket> buffer;
    const auto packet =
        sys::receive_packet(keeper, std::as_writable_bytes(std::span(buffer)), sys::Wait::Yes);
    return packet ? std::string(buffer.data(), packet->size) : "";
  }
  /// What the visitor gets for a command that the keeper answers so.
  Result<void> exchange(const ControlMessage& sent, const Result<void>& outcome) {
    std::thread answering([&] {
      got = read_control(arrived());
      send_outcome(keeper, outcome);
    });
    auto result = send_control(visitor, sent);
    answering.join();
    return result;
  }

  UniqueFd keeper, visitor;
  std::optional<ControlMessage> got;
};

TEST_F(MessageTest, CommandsArriveAsTheyWereSent) {
  const std::string bytes("a\0b:\xff\n", 6);
  for (const std::string& value : {std::string(), std::string("value"), bytes}) {
    EXPECT_TRUE(exchange({"name", value}, {}));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->name, "name");
    EXPECT_EQ(got->value, value);
  }
}

TEST_F(MessageTest, OutcomesAreErrnos) {
  for (const int error : {EPERM, EOPNOTSUPP, EHWPOISON}) {
    EXPECT_TRUE(exchange({"name", ""}, fail(error)).failed_with(error));
  }
}

TEST_F(MessageTest, CommandsThatAreTooLongAreNotSent) {
  const std::string longest(kLongestPacket - sizeof "Cname" - 1, 'x');
  EXPECT_TRUE(exchange({"name", longest}, {}));
  EXPECT_EQ(got->value, longest);
  EXPECT_TRUE(send_control(visitor, {"name", longest + "x"}).failed_with(E2BIG));
}

TEST_F(MessageTest, AKeeperThatHasEndedIsNoSuccess) {
  keeper.reset();
  const auto result = send_control(visitor, {"name", ""});
  EXPECT_TRUE(result.failed_with(EPIPE)) << result.has_value();
}

TEST_F(MessageTest, OtherPacketsAreNoCommands) {
  for (const std::string_view packet : {"", "C", "Cname", "R", "Xname\0value"}) {
    EXPECT_FALSE(read_control(packet)) << packet;
  }
}

}  // namespace
}  // namespace overpass::sandbox
