// SPDX-License-Identifier: MIT
//
// What a daemon does that follows another one of the same mount (survive=on).

#ifndef OVERPASS_FUSE_TAKE_OVER_H_
#define OVERPASS_FUSE_TAKE_OVER_H_

#include <span>
#include <vector>

#include "base/problem.h"
#include "base/unique_fd.h"

namespace overpass::fuse {

struct Daemon;

/// A request as it was read.
using RequestBytes = std::vector<char>;

/// Has the kernel send again what the former daemon read and did not answer (FUSE_NOTIFY_RESEND).
/// These requests come first of all. A problem where the kernel cannot (before Linux 6.9).
Expected<void> ask_for_unanswered(BorrowedFd connection);

/// Whether it is one of these.
bool is_sent_again(std::span<const char> request);

/// With another lower a directory may permit less than the kernel believes, by which it would let
/// somebody look into it. Listings are forgotten as well: to tell the kernel of a directory a
/// second time would have it pass over the answer to a GETATTR that is under way, and go once more
/// by what it believed. Waits for no lock, as expiring names would.
void forget_directories(Daemon& daemon);

bool is_getattr(std::span<const char> request);
bool is_lookup(std::span<const char> request);

/// Whether it takes no answer, so that it may come before them.
bool is_forget(std::span<const char> request);

/// Whether it gives back the number of an open file.
bool is_release(std::span<const char> request);

/// Makes the nodes and the open files of the former daemon again. `requests`: all that were sent
/// again. Before any of them is handled, and any thread serves.
void take_over(Daemon& daemon, std::span<const RequestBytes> requests);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_TAKE_OVER_H_
