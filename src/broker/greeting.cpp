// SPDX-License-Identifier: MIT
//
// The namespace is the one whose descriptor the client sends, which may be another than its own:
// that gives it nothing, for all that is done there is cloning the mounts of files it has open. The
// kernel checks that the descriptor is one of a mount namespace, and asks nothing of the file.
//
// A mount names its owner by a number of a user namespace that the kernel does not tell, and a
// client may choose its own number in a namespace of its making. What is mounted where the broker
// lives was mounted in the broker's user namespace, or copied from there to the client's; only what
// is not is looked up in the client's map.
//
// After entering it, every path is the client's to choose; what is read there is reached through a
// descriptor of this process's own directory in /proc, opened before.

#include "broker/greeting.h"

#include <fcntl.h>

#include <optional>
#include <string>
#include <string_view>

#include "broker/mount_owner.h"
#include "broker/offered_file.h"
#include "sys/children.h"
#include "sys/fuse_backing.h"
#include "sys/open.h"
#include "sys/privileges.h"

namespace overpass::broker {

namespace {

/// What the kernel tells of this FUSE connection; empty when it tells nothing.
std::string info_of(BorrowedFd own_process, BorrowedFd fuse) {
  const auto folder = sys::open_at(own_process, "fdinfo", O_PATH | O_DIRECTORY);
  if (!folder) return {};
  const auto file = sys::open_at(*folder, std::to_string(raw(fuse)).c_str(), O_RDONLY);
  return file ? read_text(*file) : std::string();
}

/// The client's map of user ids.
std::string uid_map_of(const sys::Peer& peer) {
  const auto file =
      sys::open_path(("/proc/" + std::to_string(peer.pid) + "/uid_map").c_str(), O_RDONLY);
  return file ? read_text(*file) : std::string();
}

/// Who has mounted `connection`, if its mount is in this process's mount namespace: a number in the
/// user namespace in which that was done.
std::optional<uint32_t> owner_of(BorrowedFd own_process, uint32_t connection) {
  const auto table = sys::open_at(own_process, "mountinfo", O_RDONLY);
  if (!table) return std::nullopt;
  std::optional<uint32_t> found;
  for_each_line(*table, [&](std::string_view line) {
    const auto mount = sys::read_mount_line(line);
    found = mount ? fuse_mount_owner(*mount, connection) : std::nullopt;
    return !found;
  });
  return found;
}

}  // namespace

Granted<Greeted> greet(BorrowedFd fuse, BorrowedFd mount_namespace, BorrowedFd process,
                       const sys::Peer& peer) {
  if (auto checked = check_fuse_device(fuse); !checked) return std::unexpected(checked.error());
  const auto own_process = sys::open_path("/proc/self", O_PATH | O_DIRECTORY);
  if (!own_process) return refuse(Refusal::Broken, own_process.error());
  const auto connection = connection_of(info_of(*own_process, fuse));
  // What is mounted with it later would be a mount that was not looked at.
  if (!connection && sys::tells_fuse_connections()) return refuse(Refusal::NotFuse);
  const auto owner_here = connection ? owner_of(*own_process, *connection) : std::nullopt;
  auto own_files = sys::open_at(*own_process, "fd", O_PATH | O_DIRECTORY).value_or(UniqueFd());
  const std::string uid_map = uid_map_of(peer);
  // Only now is the text known to be that of the client, not of one who got its number.
  if (!sys::is_running(process)) return refuse(Refusal::NotYours);
  if (auto entered = sys::enter_mount_namespace(mount_namespace); !entered) {
    return refuse(Refusal::NotNamespace, entered.error());
  }
  // Beyond this point paths are the client's.
  if (auto kept =
          sys::keep_capabilities({sys::Capability::SysAdmin}, {sys::Capability::DacReadSearch});
      !kept) {
    return refuse(Refusal::Broken, kept.error());
  }
  if (!connection) return Greeted{0, std::move(own_files)};
  const auto owner = owner_of(*own_process, *connection);
  const bool is_own =
      owner == peer.uid || (owner && !owner_here && outside_uid(uid_map, *owner) == peer.uid);
  if (!is_own) return refuse(Refusal::NotYours);
  return Greeted{*connection, std::move(own_files)};
}

}  // namespace overpass::broker
