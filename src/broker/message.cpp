// SPDX-License-Identifier: MIT

#include "broker/message.h"

#include <cstring>

namespace overpass::broker {

namespace protocol = broker_protocol;

namespace {

/// A message of exactly this size, with the right beginning.
template <class Message>
Result<Message> read_message(std::span<const std::byte> packet) {
  Message message;
  if (packet.size() != sizeof message) return fail(EPROTO);
  std::memcpy(&message, packet.data(), sizeof message);
  if (message.magic != protocol::kMagic) return fail(EPROTO);
  if (message.version != protocol::kVersion) return fail(EPROTO);
  return message;
}

size_t descriptors_of(RequestType type) {
  switch (type) {
    case RequestType::Greet:
      return protocol::kGreetDescriptors;
    case RequestType::Register:
      return protocol::kRegisterDescriptors;
    case RequestType::Directory:
      return protocol::kDirectoryDescriptors;
    case RequestType::Close:
    case RequestType::List:
      return 0;
  }
  return 0;
}

}  // namespace

Granted<Request> read_request(std::span<const std::byte> packet, size_t descriptors) {
  Request request;
  if (packet.size() != sizeof request) return refuse(Refusal::Malformed);
  std::memcpy(&request, packet.data(), sizeof request);
  if (request.magic != protocol::kMagic) return refuse(Refusal::Malformed);
  if (request.version != protocol::kVersion) return refuse(Refusal::Version);
  const auto type = static_cast<RequestType>(request.type);
  if (type < RequestType::Greet || type > RequestType::Directory) return refuse(Refusal::Malformed);
  if (descriptors != descriptors_of(type)) return refuse(Refusal::Malformed);
  if (request.reserved != 0) return refuse(Refusal::Malformed);
  const bool names_id = type == RequestType::Close;
  if (names_id ? request.backing_id <= 0 : request.backing_id != 0) {
    return refuse(Refusal::Malformed);
  }
  return request;
}

Result<Answer> read_answer(std::span<const std::byte> packet) {
  return read_message<Answer>(packet);
}

Result<ListedClient> read_listed_client(std::span<const std::byte> packet) {
  return read_message<ListedClient>(packet);
}

bool ends_connection(Refusal refusal) {
  switch (refusal) {
    case Refusal::None:
    case Refusal::PathOnly:
    case Refusal::WriteOnly:
    case Refusal::AppendOnly:
    case Refusal::Protected:
    case Refusal::Sealable:
    case Refusal::Mount:
    case Refusal::Kernel:
    case Refusal::TooManyFiles:
    case Refusal::TooFast:
      return false;
    default:
      return true;
  }
}

const char* words_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::None:
      return "granted";
    case Refusal::Malformed:
      return "not a message of the protocol";
    case Refusal::Version:
      return "another version of the protocol";
    case Refusal::OutOfOrder:
      return "a request out of order";
    case Refusal::NotFuse:
      return "the descriptor offered is not the /dev/fuse of a mount";
    case Refusal::NotYours:
      return "the FUSE connection is not a mount of this user in his mount namespace";
    case Refusal::NotNamespace:
      return "the descriptor offered as a mount namespace is not that";
    case Refusal::PathOnly:
      return "the file is open O_PATH";
    case Refusal::WriteOnly:
      return "the file is open for writing only";
    case Refusal::AppendOnly:
      return "the file is open for appending only";
    case Refusal::Protected:
      return "the file is append-only or immutable";
    case Refusal::NotRegular:
      return "not a regular file";
    case Refusal::FileSystem:
      return "on a file system that is not served";
    case Refusal::Sealable:
      return "a file of memfd_create(2)";
    case Refusal::Mount:
      return "the mount cannot be cloned";
    case Refusal::Kernel:
      return "the kernel refuses to register the file";
    case Refusal::TooManyFiles:
      return "the quota of registered files is used up";
    case Refusal::TooManyClients:
      return "the quota of clients is used up";
    case Refusal::TooFast:
      return "the user's requests per second are used up";
    case Refusal::NotPermitted:
      return "only the superuser may ask this";
    case Refusal::Broken:
      return "the broker failed";
    case Refusal::NotDirectory:
      return "not a directory";
  }
  return "an unknown refusal";
}

}  // namespace overpass::broker
