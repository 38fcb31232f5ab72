// SPDX-License-Identifier: MIT
//
// What a keeper and a visitor say to each other. A visitor connects and waits for the answer: the
// sandbox's first process, through which its namespaces are entered, or the reason why there is
// none. The connection is the visit: when the visitor closes its half, or ends, it has left. The
// keeper closes its half when the sandbox has ended, or stays for others.

#ifndef OVERPASS_SANDBOX_MESSAGE_H_
#define OVERPASS_SANDBOX_MESSAGE_H_

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

/// Ends the visit. Returns when others remain in the sandbox, or when it has ended.
void leave(BorrowedFd keeper);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_MESSAGE_H_
