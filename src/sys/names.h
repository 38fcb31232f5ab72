// SPDX-License-Identifier: MIT
//
// System calls that make, move and remove names in a directory. Names are single components.

#ifndef OVERPASS_SYS_NAMES_H_
#define OVERPASS_SYS_NAMES_H_

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/place.h"

namespace overpass::sys {

Result<void> make_directory(BorrowedFd directory, const char* name, mode_t mode);

/// mkdirat(2), and the new directory, open for reading.
Result<UniqueFd> make_and_open_directory(BorrowedFd directory, const char* name, mode_t mode);
Result<void> make_node(BorrowedFd directory, const char* name, mode_t mode, dev_t device);
Result<void> make_symlink(BorrowedFd directory, const char* name, const char* target);

/// linkat(2): gives the file at `from` another name. An open file without a name (O_TMPFILE) may be
/// given one too; that goes through /proc where AT_EMPTY_PATH is not permitted.
Result<void> make_link(Place from, BorrowedFd directory, const char* name);

Result<void> remove_file(BorrowedFd directory, const char* name);
Result<void> remove_directory(BorrowedFd directory, const char* name);

/// renameat2(2) with RENAME_* `flags`. EINVAL where the file system does not know a flag.
Result<void> rename(Place from, Place to, unsigned flags = 0);

/// The target of a symbolic link, of any length.
Result<std::string> read_link(Place place);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_NAMES_H_
