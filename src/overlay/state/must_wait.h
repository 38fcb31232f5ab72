// SPDX-License-Identifier: MIT
//
// How an operation says that it would have to wait.

#ifndef OVERPASS_OVERLAY_STATE_MUST_WAIT_H_
#define OVERPASS_OVERLAY_STATE_MUST_WAIT_H_

#include <cerrno>

namespace overpass::overlay {

/// The operation met something that only time takes away (a lease on a file), and has changed
/// nothing that would not be right without it. It is to be made once more, a little later. No
/// system call on files fails with this number.
inline constexpr int kMustWait = ERESTART;

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_MUST_WAIT_H_
