// SPDX-License-Identifier: MIT

#include "broker/client.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <utility>

#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

/// A socket whose patience has ended says EAGAIN.
Errno plainly(Errno error) { return error == Errno{EAGAIN} ? Errno{ETIMEDOUT} : error; }

}  // namespace

std::string Client::usual_path() {
  const char* path = std::getenv(broker_protocol::kSocketVariable);
  return path != nullptr && path[0] != '\0' ? path : broker_protocol::kDefaultSocket;
}

Result<UniqueFd> Client::connect(const std::string& path, int patience_ms) {
  auto connection = sys::connect_to(path.c_str(), patience_ms);
  if (!connection) return fail(plainly(connection.error()));
  return connection;
}

Granted<void> Client::greet(BorrowedFd fuse, BorrowedFd mount_namespace) {
  const auto answer =
      ask({.type = static_cast<uint16_t>(RequestType::Greet)}, {fuse, mount_namespace});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Granted<void> Client::offer_directory(BorrowedFd directory) {
  const auto answer = ask({.type = static_cast<uint16_t>(RequestType::Directory)}, {directory});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Granted<int32_t> Client::register_file(BorrowedFd file) {
  const auto answer = ask({.type = static_cast<uint16_t>(RequestType::Register)}, {file});
  if (!answer) return std::unexpected(answer.error());
  return answer->value;
}

void Client::close_file(int32_t id) { late_closes_.add(id); }

void Client::tell_closed(std::span<const int32_t> ids) {
  std::array<Request, LateCloses::kAtOnce> requests;
  for (size_t i = 0; i < ids.size(); ++i) {
    requests[i] = {.type = static_cast<uint16_t>(RequestType::Close), .backing_id = ids[i]};
  }
  const auto bytes = std::as_bytes(std::span(requests).first(ids.size()));
  const auto wait = is_connected() ? sys::Wait::Yes : sys::Wait::No;
  const size_t told = sys::send_packets(socket_, bytes, sizeof(Request), wait);
  if (told == ids.size()) return;
  keep_untold(ids.subspan(told));
  give_up();
}

void Client::keep_untold(std::span<const int32_t> ids) {
  Lock lock(untold_mutex_);
  try {
    untold_.insert(untold_.end(), ids.begin(), ids.end());
  } catch (const std::bad_alloc&) {
    return;  // They are closed with the connection.
  }
}

void Client::tidy_up() {
  std::byte buffer[sizeof(Answer)];
  if (const auto received = sys::receive_packet(socket_, buffer, sys::Wait::No)) {
    const auto answer = read_answer({buffer, received->size});
    if (answer && answer->refusal == 0 && answer->value > 0) close_file(answer->value);
  }
  std::vector<int32_t> ids;
  {
    Lock lock(untold_mutex_);
    ids.swap(untold_);
  }
  for (std::span<const int32_t> rest(ids); !rest.empty();) {
    const size_t count = std::min(rest.size(), LateCloses::kAtOnce);
    tell_closed(rest.first(count));
    rest = rest.subspan(count);
  }
}

void Client::interrupt() { sys::shut_down(socket_); }

void Client::go_on_from(uint64_t serial) {
  Lock lock(mutex_);
  serial_ = serial;
  first_serial_ = serial;
}

Result<Answer> Client::receive_answer(std::vector<int32_t>& of_others) {
  for (;;) {
    std::byte buffer[sizeof(Answer)];
    auto received = sys::receive_packet(socket_, buffer, sys::Wait::Yes);
    if (received.failed_with(ECONNRESET)) {
      received = sys::receive_packet(socket_, buffer, sys::Wait::Yes);
    }
    const size_t size = TRY(std::move(received)).size;
    const Answer answer = TRY(read_answer({buffer, size}));
    if (answer.serial > first_serial_ || first_serial_ == 0) return answer;
    if (answer.refusal == 0 && answer.value > 0) of_others.push_back(answer.value);
  }
}

Granted<Answer> Client::ask(Request request, std::initializer_list<BorrowedFd> fds) {
  std::vector<int32_t> of_others;
  auto answer = ask_alone(request, fds, of_others);
  for (const int32_t id : of_others) close_file(id);
  return answer;
}

Granted<Answer> Client::ask_alone(Request request, std::initializer_list<BorrowedFd> fds,
                                  std::vector<int32_t>& of_others) {
  Lock lock(mutex_);
  if (!is_connected()) return refuse(Refusal::Broken, Errno{ENOTCONN});
  request.serial = ++serial_;
  // A broker that refuses the connection as such says so and closes it: what it said may still be
  // read after the sending has failed.
  const auto sent = sys::send_packet(socket_, bytes_of(request), fds, sys::Wait::Yes);
  const auto answer = receive_answer(of_others);
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
  if (is_connected_.exchange(false) && on_loss_) on_loss_();
}

}  // namespace overpass::broker
