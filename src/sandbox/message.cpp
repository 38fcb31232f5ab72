// SPDX-License-Identifier: MIT
//
// One packet: kReady and the descriptor, or kProblem, the cause, a NUL and the remedy.

#include "sandbox/message.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "sys/unix_socket.h"

namespace overpass::sandbox {

namespace {

constexpr char kReady = 'R';
constexpr char kProblem = 'P';
constexpr size_t kLongest = 4096;

}  // namespace

void send_ready(BorrowedFd visitor, BorrowedFd first_process) {
  const std::byte kind{kReady};
  (void)sys::send_packet(visitor, std::span(&kind, 1), {first_process}, sys::Wait::Yes);
}

void send_problem(BorrowedFd visitor, const Problem& problem) {
  std::string text = kProblem + problem.cause + '\0' + problem.remedy;
  text.resize(std::min(text.size(), kLongest));
  (void)sys::send_packet(visitor, std::as_bytes(std::span(text)), {}, sys::Wait::Yes);
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
  std::array<std::byte, kLongest> buffer;
  auto packet = sys::receive_packet(keeper, buffer, sys::Wait::Yes);
  const std::string text =
      packet ? std::string(reinterpret_cast<const char*>(buffer.data()), packet->size) : "";
  if (text.starts_with(kReady) && packet->descriptors == 1) return std::move(packet->fds[0]);
  return problem_in(text);
}

void leave(BorrowedFd keeper) {
  sys::end_sending(keeper);
  std::byte nothing{};
  (void)sys::receive_packet(keeper, std::span(&nothing, 1), sys::Wait::Yes);
}

}  // namespace overpass::sandbox
