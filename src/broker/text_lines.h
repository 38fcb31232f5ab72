// SPDX-License-Identifier: MIT
//
// Texts of /proc, in bounded memory.

#ifndef OVERPASS_BROKER_TEXT_LINES_H_
#define OVERPASS_BROKER_TEXT_LINES_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace overpass::broker {

/// The beginning of a short text, at most 4096 bytes; empty when it cannot be read.
std::string read_text(BorrowedFd fd);

/// No more of a text is read than this. A user can make a table of mounts of more than a gigabyte,
/// and have it read as often as he comes.
inline constexpr size_t kMostText = 16 << 20;

/// Calls `take` with each line, without its end, until that returns false. A line of more than
/// 16 KiB is left out.
void for_each_line(BorrowedFd fd, const std::function<bool(std::string_view)>& take);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_TEXT_LINES_H_
