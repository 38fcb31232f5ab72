// SPDX-License-Identifier: MIT
//
// The first packet: kReady and the descriptor, or kProblem, the cause, a NUL and the remedy. Then a
// command is kControl, its name, a NUL, the place, a NUL and the value; its answer kOutcome and an
// errno in decimal.

#include "sandbox/message.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/number.h"
#include "sys/unix_socket.h"

namespace overpass::sandbox {

namespace {

constexpr char kReady = 'R';
constexpr char kProblem = 'P';
constexpr char kControl = 'C';
constexpr char kOutcome = 'O';

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

void send_ready(BorrowedFd visitor, BorrowedFd first_process) {
  const std::byte kind{kReady};
  (void)sys::send_packet(visitor, std::span(&kind, 1), {first_process}, sys::Wait::Yes);
}

void send_problem(BorrowedFd visitor, const Problem& problem) {
  std::string text = kProblem + problem.cause + '\0' + problem.remedy;
  text.resize(std::min(text.size(), kLongestPacket));
  (void)sys::send_packet(visitor, bytes_of(text), {}, sys::Wait::Yes);
}

std::unexpected<Problem> problem_in(std::string_view packet) {
  if (!packet.starts_with(kProblem)) {
    return problem("the sandbox ended before it could be used",
                   "the system log may say why; try again");
  }
  const size_t separator = std::min(packet.find('\0'), packet.size());
  return problem(std::string(packet.substr(1, separator - 1)),
                 std::string(packet.substr(std::min(separator + 1, packet.size()))));
}

Expected<UniqueFd> receive_answer(BorrowedFd keeper) {
  std::array<std::byte, kLongestPacket> buffer;
  auto packet = sys::receive_packet(keeper, buffer, sys::Wait::Yes);
  const std::string text =
      packet ? std::string(reinterpret_cast<const char*>(buffer.data()), packet->size) : "";
  if (text.starts_with(kReady) && packet->descriptors == 1) return std::move(packet->fds[0]);
  return problem_in(text);
}

Result<void> send_control(BorrowedFd keeper, const ControlMessage& message) {
  const std::string text = kControl + message.name + '\0' + message.at + '\0' + message.value;
  if (text.size() > kLongestPacket) return fail(E2BIG);
  TRY(sys::send_packet(keeper, bytes_of(text), {}, sys::Wait::Yes));
  std::array<char, 16> buffer;
  const auto packet =
      TRY(sys::receive_packet(keeper, std::as_writable_bytes(std::span(buffer)), sys::Wait::Yes));
  const std::string_view answer(buffer.data(), packet.size);
  if (answer.empty()) return fail(EPIPE);
  const auto error = number_of<int>(answer.substr(1));
  if (answer.front() != kOutcome || !error) return fail(EPROTO);
  return *error == 0 ? Result<void>() : fail(*error);
}

std::optional<ControlMessage> read_control(std::string_view packet) {
  const size_t name_end = packet.find('\0');
  if (!packet.starts_with(kControl) || name_end == std::string_view::npos) return std::nullopt;
  const size_t place_end = packet.find('\0', name_end + 1);
  if (place_end == std::string_view::npos) return std::nullopt;
  return ControlMessage{std::string(packet.substr(1, name_end - 1)),
                        std::string(packet.substr(place_end + 1)),
                        std::string(packet.substr(name_end + 1, place_end - name_end - 1))};
}

void send_outcome(BorrowedFd visitor, const Result<void>& outcome) {
  const std::string text = kOutcome + std::to_string(outcome ? 0 : to_int(outcome.error()));
  (void)sys::send_packet(visitor, bytes_of(text), {}, sys::Wait::No);
}

void leave(BorrowedFd keeper) {
  sys::end_sending(keeper);
  std::byte nothing{};
  (void)sys::receive_packet(keeper, std::span(&nothing, 1), sys::Wait::Yes);
}

}  // namespace overpass::sandbox
