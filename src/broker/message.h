// SPDX-License-Identifier: MIT
//
// Bytes to messages of the broker's protocol and back: sizes, magic, version, types, and how many
// descriptors a message comes with. Nothing is done with anything yet.

#ifndef OVERPASS_BROKER_MESSAGE_H_
#define OVERPASS_BROKER_MESSAGE_H_

#include <cstddef>
#include <expected>
#include <span>

#include "base/result.h"
#include "overpass/broker_protocol.h"

namespace overpass::broker {

using broker_protocol::Answer;
using broker_protocol::ListedClient;
using broker_protocol::Refusal;
using broker_protocol::Request;
using broker_protocol::RequestType;

/// Why a request is not granted, and the errno behind it where there is one.
struct Refused {
  Refusal refusal = Refusal::Broken;
  Errno error = {};
};

template <class T>
using Granted = std::expected<T, Refused>;

inline std::unexpected<Refused> refuse(Refusal refusal, Errno error = {}) {
  return std::unexpected<Refused>(Refused{refusal, error});
}

/// A request as it came. Malformed or Version when it is none of this protocol, or comes with other
/// descriptors than its type has.
Granted<Request> read_request(std::span<const std::byte> packet, size_t descriptors);

/// An answer as it came. EPROTO when it is none.
Result<Answer> read_answer(std::span<const std::byte> packet);
Result<ListedClient> read_listed_client(std::span<const std::byte> packet);

template <class Message>
std::span<const std::byte> bytes_of(const Message& message) {
  return std::as_bytes(std::span(&message, 1));
}

/// Whether the connection ends with this refusal.
bool ends_connection(Refusal refusal);

/// "the file is open O_PATH".
const char* words_of(Refusal refusal);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_MESSAGE_H_
