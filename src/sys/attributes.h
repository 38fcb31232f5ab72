// SPDX-License-Identifier: MIT
//
// System calls that change attributes of a file by place: mode, owner, times, size. Symbolic links
// are changed themselves, never followed.

#ifndef OVERPASS_SYS_ATTRIBUTES_H_
#define OVERPASS_SYS_ATTRIBUTES_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>

#include "base/result.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::sys {

/// chmod(2). EOPNOTSUPP for a symbolic link.
Result<void> change_mode(Place place, mode_t mode);

/// chown(2); -1 leaves an id as it is.
Result<void> change_owner(Place place, uid_t uid, gid_t gid);

/// utimensat(2); tv_nsec may be UTIME_NOW or UTIME_OMIT.
Result<void> change_times(Place place, const timespec& access, const timespec& modification);

/// Sets the modification time to now.
Result<void> touch(Place place);

/// Gives `place` the access and modification times of `stat`.
Result<void> copy_times(Place place, const Stat& stat);

/// ftruncate(2) through a descriptor open for writing.
Result<void> change_size_of_open(BorrowedFd fd, off_t size);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_ATTRIBUTES_H_
