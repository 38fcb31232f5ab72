// SPDX-License-Identifier: MIT
//
// A descriptor that another thread makes readable, to wake a thread that waits for the kernel
// (eventfd(2)).

#ifndef OVERPASS_SYS_EVENT_FD_H_
#define OVERPASS_SYS_EVENT_FD_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// A counter of 8 bytes that reads wait for and reset.
Result<UniqueFd> make_event_fd();

/// Makes it readable. Never waits; a counter that is full is readable already.
void raise_event(BorrowedFd event);

/// Makes it unreadable, if it is readable.
void lower_event(BorrowedFd event);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_EVENT_FD_H_
