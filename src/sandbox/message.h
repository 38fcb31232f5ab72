// SPDX-License-Identifier: MIT
//
// What a keeper and a visitor say to each other. A visitor connects and waits for the answer: the
// sandbox's first process, through which its namespaces are entered, or the reason why there is
// none. The connection is the visit: when the visitor closes its half, or ends, it has left. The
// keeper closes its half when the sandbox has ended, or stays for others.
//
// In between a visitor may send commands for the sandbox's unions, one at a time. Each is answered
// by an errno.

#ifndef OVERPASS_SANDBOX_MESSAGE_H_
#define OVERPASS_SANDBOX_MESSAGE_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sandbox {

/// `first_process` is a pidfd. A visitor that is gone needs no answer.
void send_ready(BorrowedFd visitor, BorrowedFd first_process);
void send_problem(BorrowedFd visitor, const Problem& problem);

/// The problem that a packet holds, or that its sender has ended.
std::unexpected<Problem> problem_in(std::string_view packet);

/// Waits for the answer: a pidfd.
Expected<UniqueFd> receive_answer(BorrowedFd keeper);

/// A command for the unions: a name, of any bytes but NUL, and a value of any bytes.
struct ControlMessage {
  std::string name, value;
  std::string at = {};  ///< The union's place, or empty for all.
};

/// Sends a command and waits for its outcome: the first error that a union answered, after all were
/// told. E2BIG when name and value are longer than a packet, EPIPE when the sandbox has ended,
/// EAGAIN when it does not answer. REQUIRES: receive_answer() has returned.
Result<void> send_control(BorrowedFd keeper, const ControlMessage& message);

/// What a visitor has sent: the command that a packet holds. Nothing for any other packet.
std::optional<ControlMessage> read_control(std::string_view packet);

/// Answers a command. A visitor that is gone, or does not read, needs no answer.
void send_outcome(BorrowedFd visitor, const Result<void>& outcome);

/// The longest packet, in bytes: a command whose value is as long as an attribute's may be
/// (XATTR_SIZE_MAX), as a list of several hundred layers is, with its name and place.
inline constexpr size_t kLongestPacket = (64 + 8) * 1024;

/// Ends the visit. Returns when others remain in the sandbox, or when it has ended.
void leave(BorrowedFd keeper);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_MESSAGE_H_
