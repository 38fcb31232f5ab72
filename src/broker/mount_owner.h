// SPDX-License-Identifier: MIT
//
// Which process and mount a FUSE connection belongs to, by texts of /proc, which are read in
// bounded memory. What judges them are pure functions of the texts.

#ifndef OVERPASS_BROKER_MOUNT_OWNER_H_
#define OVERPASS_BROKER_MOUNT_OWNER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "sys/mountinfo.h"

namespace overpass::broker {

/// The beginning of a short text, at most 4096 bytes; empty when it cannot be read.
std::string read_text(BorrowedFd fd);

/// No more of a text is read than this. A user can make a table of mounts of more than a gigabyte,
/// and have it read as often as he comes.
inline constexpr size_t kMostText = 16 << 20;

/// Calls `take` with each line, without its end, until that returns false. A line of more than
/// 16 KiB is left out.
void for_each_line(BorrowedFd fd, const std::function<bool(std::string_view)>& take);

/// The device number of the connection's mount, from /proc/self/fdinfo/FD of a /dev/fuse. Nothing
/// when the kernel does not say it (before 6.16), or the connection is not mounted.
std::optional<uint32_t> connection_of(std::string_view fdinfo);

/// The user who made the mount, in the numbers of the mount's user namespace, if it is the mount of
/// `connection`.
std::optional<uint32_t> fuse_mount_owner(const sys::MountLine& mount, uint32_t connection);

/// Who `inside` is outside of the user namespace with this /proc/PID/uid_map.
std::optional<uid_t> outside_uid(std::string_view uid_map, uint32_t inside);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_MOUNT_OWNER_H_
