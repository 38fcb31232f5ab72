// SPDX-License-Identifier: MIT
//
// The workdir: what a crash left in it, and what keeps the upper from being mounted.

#ifndef OVERPASS_CHECK_WORK_H_
#define OVERPASS_CHECK_WORK_H_

#include "check/context.h"

namespace overpass::check {

/// What the names of temporaries begin with, those of overlayfs and those of overpass.
inline constexpr char kTemporaryPrefix = '#';

/// All but the entries of the index (check/index.h).
void check_work(Context& context);

/// A name in "work" or "index": a temporary, which every overlay file system removes at its next
/// mount, or something strange. The shared whiteout that overlayfs and overpass leave there in good
/// order is neither.
void report_leftover(Context& context, BorrowedFd directory, const std::string& name,
                     const std::string& path, const sys::Stat& stat);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_WORK_H_
