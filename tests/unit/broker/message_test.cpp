// SPDX-License-Identifier: MIT

#include "broker/message.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace overpass::broker {
namespace {

Refusal refusal_of(const Request& request, size_t descriptors) {
  const auto read = read_request(bytes_of(request), descriptors);
  return read ? Refusal::None : read.error().refusal;
}

Request request_of(RequestType type, int32_t id = 0) {
  return {.type = static_cast<uint16_t>(type), .backing_id = id, .serial = 9};
}

TEST(Message, IsReadAsItWasWritten) {
  const auto read = read_request(bytes_of(request_of(RequestType::Close, 7)), 0);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->backing_id, 7);
  EXPECT_EQ(read->serial, 9U);
  EXPECT_EQ(read->type, static_cast<uint16_t>(RequestType::Close));
}

TEST(Message, ComesWithTheDescriptorsOfItsType) {
  for (size_t count = 0; count < 5; ++count) {
    const auto expected = [&](size_t wanted) {
      return count == wanted ? Refusal::None : Refusal::Malformed;
    };
    EXPECT_EQ(refusal_of(request_of(RequestType::Greet), count), expected(2));
    EXPECT_EQ(refusal_of(request_of(RequestType::Register), count), expected(1));
    EXPECT_EQ(refusal_of(request_of(RequestType::Close, 1), count), expected(0));
    EXPECT_EQ(refusal_of(request_of(RequestType::List), count), expected(0));
    EXPECT_EQ(refusal_of(request_of(RequestType::Directory), count), expected(1));
  }
}

TEST(Message, NamesAnIdExactlyWhenItCloses) {
  EXPECT_EQ(refusal_of(request_of(RequestType::Close, 0), 0), Refusal::Malformed);
  EXPECT_EQ(refusal_of(request_of(RequestType::Close, -1), 0), Refusal::Malformed);
  EXPECT_EQ(refusal_of(request_of(RequestType::Register, 1), 1), Refusal::Malformed);
  EXPECT_EQ(refusal_of(request_of(RequestType::Greet, 1), 2), Refusal::Malformed);
}

TEST(Message, OfAnotherKindIsRefused) {
  Request request = request_of(RequestType::List);
  request.magic ^= 1;
  EXPECT_EQ(refusal_of(request, 0), Refusal::Malformed);
  request = request_of(RequestType::List);
  request.version = broker_protocol::kVersion + 1;
  EXPECT_EQ(refusal_of(request, 0), Refusal::Version);
  request = request_of(RequestType::List);
  request.reserved = 1;
  EXPECT_EQ(refusal_of(request, 0), Refusal::Malformed);
  for (const int type : {0, 6, 255, 65535}) {
    EXPECT_EQ(refusal_of({.type = static_cast<uint16_t>(type)}, 0), Refusal::Malformed) << type;
  }
}

TEST(Message, OfAnotherSizeIsRefused) {
  const Request request = request_of(RequestType::List);
  std::vector<std::byte> bytes(sizeof request + 8);
  std::memcpy(bytes.data(), &request, sizeof request);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(read_request({bytes.data(), size}, 0).has_value(), size == sizeof request) << size;
  }
}

TEST(Message, AnswersAreReadWhole) {
  const Answer answer = {.value = 3, .serial = 4};
  EXPECT_EQ(read_answer(bytes_of(answer))->value, 3);
  EXPECT_TRUE(read_answer(bytes_of(answer).first(23)).failed_with(EPROTO));
  const Answer other = {.version = broker_protocol::kVersion + 1};
  EXPECT_TRUE(read_answer(bytes_of(other)).failed_with(EPROTO));
}

TEST(Message, EveryRefusalHasWords) {
  for (int refusal = 0; refusal <= static_cast<int>(Refusal::NotDirectory); ++refusal) {
    EXPECT_STRNE(words_of(static_cast<Refusal>(refusal)), "an unknown refusal") << refusal;
  }
  EXPECT_STREQ(words_of(static_cast<Refusal>(999)), "an unknown refusal");
  EXPECT_TRUE(ends_connection(static_cast<Refusal>(999)));
}

}  // namespace
}  // namespace overpass::broker
