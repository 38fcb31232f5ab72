// SPDX-License-Identifier: MIT
//
// Whose mount a FUSE connection is, read from what the kernel says in /proc. Pure functions of
// those texts.

#ifndef OVERPASS_BROKER_MOUNT_OWNER_H_
#define OVERPASS_BROKER_MOUNT_OWNER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "sys/mountinfo.h"

namespace overpass::broker {

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
