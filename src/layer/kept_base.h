// SPDX-License-Identifier: MIT
//
// The bytes of a lower file from before its change, beside the stamp that says what it was
// (base_stamp.h): a text that was changed on both sides is merged with them. They are files of a
// directory of their own, called by the stamp,
//
//   bases/INO-SIZE-MTIME-CTIME        the bytes, and behind them a line with their digest
//
// so that a name or a rename in the sandbox does not matter, and layers that are joined join
// theirs. Nothing is synced: what a crash has cut short or mixed up has another digest and is none.

#ifndef OVERPASS_LAYER_KEPT_BASE_H_
#define OVERPASS_LAYER_KEPT_BASE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/base_stamp.h"

namespace overpass::layer {

/// In bytes. Of larger files none is kept.
inline constexpr uint64_t kLargestBase = uint64_t{1} << 20;

/// What the directory is called, beside the upper and its stamps.
inline constexpr char kBases[] = "bases";

/// Whether the bytes of such a file are kept: regular, and not too large.
bool has_base(const BaseStamp& stamp);

/// The directory "bases" of `home`, which is made if it is missing.
Result<UniqueFd> open_bases(const std::string& home);

/// The same beside the file of stamps `base_log`, for who goes on without: no descriptor, and a
/// line in the log, if it cannot be.
UniqueFd open_bases_if_possible(const std::string& base_log);

/// Keeps the bytes of `file`, open for reading, in the directory `bases`; as shared blocks where
/// both are on a file system that can. ESTALE if it is not, or is no longer, what `stamp` says, but
/// for the mode. EFBIG unless has_base(). At most kLargestBase bytes are read.
Result<void> keep_base(BorrowedFd bases, const BaseStamp& stamp, BorrowedFd file);

/// The bytes that were kept for that stamp. ENOENT if none were, EBADMSG if they are not whole.
Result<std::string> read_base(BorrowedFd bases, const BaseStamp& stamp);

/// What is kept for `stamp` in `from` is kept for `other` in `to`, too: the same bytes. ENOENT if
/// there is nothing.
Result<void> link_base(BorrowedFd from, const BaseStamp& stamp, BorrowedFd to,
                       const BaseStamp& other);

/// All that is kept in `from` is kept in `to`, too.
Result<void> link_bases(BorrowedFd from, BorrowedFd to);

/// Nothing is kept for that stamp any more. Best effort.
void remove_base(BorrowedFd bases, const BaseStamp& stamp);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_KEPT_BASE_H_
