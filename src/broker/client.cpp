// SPDX-License-Identifier: MIT

#include "broker/client.h"

#include <array>
#include <cstdlib>

#include "base/log.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

constexpr int kPatienceMs = 3000;

/// A socket whose patience has ended says EAGAIN.
Errno plainly(Errno error) { return error == Errno{EAGAIN} ? Errno{ETIMEDOUT} : error; }

}  // namespace

std::string Client::usual_path() {
  const char* path = std::getenv(broker_protocol::kSocketVariable);
  return path != nullptr && path[0] != '\0' ? path : broker_protocol::kDefaultSocket;
}

Result<UniqueFd> Client::connect(const std::string& path) {
  auto connection = sys::connect_to(path.c_str(), kPatienceMs);
  if (!connection) return fail(plainly(connection.error()));
  return connection;
}

Granted<void> Client::greet(BorrowedFd fuse, BorrowedFd mount_namespace) {
  const auto answer =
      ask({.type = static_cast<uint16_t>(RequestType::Greet)}, {fuse, mount_namespace});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Granted<int32_t> Client::register_file(BorrowedFd file) {
  const auto answer = ask({.type = static_cast<uint16_t>(RequestType::Register)}, {file});
  if (!answer) return std::unexpected(answer.error());
  return answer->value;
}

void Client::close_file(int32_t id) {
  if (is_connected()) late_closes_.add(id);
}

void Client::tell_closed(std::span<const int32_t> ids) {
  if (!is_connected()) return;
  std::array<Request, LateCloses::kAtOnce> requests;
  for (size_t i = 0; i < ids.size(); ++i) {
    requests[i] = {.type = static_cast<uint16_t>(RequestType::Close), .backing_id = ids[i]};
  }
  const auto bytes = std::as_bytes(std::span(requests).first(ids.size()));
  if (!sys::send_packets(socket_, bytes, sizeof(Request))) give_up();
}

Granted<Answer> Client::ask(Request request, std::initializer_list<BorrowedFd> fds) {
  Lock lock(mutex_);
  if (!is_connected()) return refuse(Refusal::Broken, Errno{ENOTCONN});
  request.serial = ++serial_;
  // A broker that refuses the connection as such says so and closes it: what it said may still be
  // read after the sending has failed.
  const auto sent = sys::send_packet(socket_, bytes_of(request), fds, sys::Wait::Yes);
  std::byte buffer[sizeof(Answer)];
  auto received = sys::receive_packet(socket_, buffer, sys::Wait::Yes);
  if (received.failed_with(ECONNRESET)) {
    received = sys::receive_packet(socket_, buffer, sys::Wait::Yes);
  }
  const auto answer = received ? read_answer({buffer, received->size}) : fail(received.error());
  if (!answer) {
    give_up();
    return refuse(Refusal::Broken, plainly(sent ? answer.error() : sent.error()));
  }
  const auto refusal = static_cast<Refusal>(answer->refusal);
  const bool is_ours = answer->serial == request.serial;
  if (ends_connection(refusal) || !is_ours) give_up();
  if (refusal != Refusal::None) return refuse(refusal, Errno{answer->error});
  if (!is_ours) return refuse(Refusal::Broken, Errno{EPROTO});
  return *answer;
}

void Client::give_up() {
  // The socket stays open: its end would be the end of the ids that are in use.
  is_connected_.store(false, std::memory_order_relaxed);
}

}  // namespace overpass::broker
