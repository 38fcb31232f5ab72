// SPDX-License-Identifier: MIT
//
// GETATTR, STATX, SETATTR, READLINK, STATFS. ACCESS is never sent: the kernel checks permissions
// itself (default_permissions).

#include <sys/stat.h>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/change/change_attributes.h"
#include "overlay/find/attributes.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/mappings.h"
#include "overlay/open/file_io.h"
#include "overlay/open/statfs.h"

namespace overpass::fuse {

namespace {

Result<ShownAttributes> attributes_of(Daemon& daemon, fuse_ino_t node) {
  overlay::InodeRef inode = TRY(inode_at(daemon, node));
  bool has_other_listing = false;
  if (inode->is_directory()) {
    has_other_listing = overlay::look_at_listing(daemon.overlay, *inode);
  } else {
    overlay::recheck_mappings(daemon.overlay, *inode);
  }
  const auto stat = overlay::attributes(daemon.overlay, inode);
  // The kernel then looks the name up again, and does not go on to believe in it.
  if (stat.failed_with(ENOENT)) return fail(ESTALE);
  if (!stat) return fail(stat.error());
  return ShownAttributes{std::move(inode), *stat, has_other_listing};
}

void on_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  Daemon& daemon = arrived(request, Opcode::Getattr, node);
  answer_now(AttributesReply(request), [&] { return attributes_of(daemon, node); });
}

void on_statx(fuse_req_t request, fuse_ino_t node, int, int, fuse_file_info*) {
  Daemon& daemon = arrived(request, Opcode::Statx, node);
  answer_now(StatxReply(request), [&] { return attributes_of(daemon, node); });
}

std::optional<timespec> time_change(int bits, int set, int now, const timespec& time) {
  if ((bits & now) != 0) return timespec{0, UTIME_NOW};
  if ((bits & set) != 0) return time;
  return {};
}

/// The kernel sets these with a change of size if the set-id bits must go because the caller lacks
/// CAP_FSETID. A change of owner always has them and always takes the bits.
constexpr int kCostsBits = FUSE_SET_ATTR_KILL_SUID | FUSE_SET_ATTR_KILL_SGID;

overlay::Changes changes_of(const struct stat& attributes, int bits, const fuse_file_info* info) {
  overlay::Changes changes;
  if ((bits & FUSE_SET_ATTR_MODE) != 0) changes.mode = attributes.st_mode & 07777;
  if ((bits & FUSE_SET_ATTR_UID) != 0) changes.uid = attributes.st_uid;
  if ((bits & FUSE_SET_ATTR_GID) != 0) changes.gid = attributes.st_gid;
  if ((bits & FUSE_SET_ATTR_SIZE) != 0) changes.size = attributes.st_size;
  changes.access_time =
      time_change(bits, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, attributes.st_atim);
  changes.modification_time =
      time_change(bits, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, attributes.st_mtim);
  // With a write-back cache the time of change comes along; no file system allows setting it.
  changes.costs_only_set_ids = (bits & ~(kCostsBits | FUSE_SET_ATTR_CTIME)) == 0;
  // A user's change names a handle for the sake of the size alone.
  changes.is_late_time = info != nullptr && !changes.size && changes.modification_time &&
                         (bits & FUSE_SET_ATTR_CTIME) != 0;
  return changes;
}

void on_setattr(fuse_req_t request, fuse_ino_t node, struct stat* attributes, int bits,
                fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Setattr, node);
  std::optional<bool> lacks_fsetid;
  if ((bits & FUSE_SET_ATTR_SIZE) != 0) lacks_fsetid = (bits & kCostsBits) != 0;
  answer(AttributesReply(request), caller_of(request, lacks_fsetid),
         [&daemon, node, changes = changes_of(*attributes, bits, info),
          file = file_of(daemon, info)](const overlay::Caller& caller) -> Result<ShownAttributes> {
           overlay::InodeRef inode = TRY(inode_at(daemon, node));
           const sys::Stat stat =
               TRY(overlay::change_attributes(daemon.overlay, caller, inode, changes, file));
           return ShownAttributes{std::move(inode), stat};
         });
}

void on_readlink(fuse_req_t request, fuse_ino_t node) {
  Daemon& daemon = arrived(request, Opcode::Readlink, node);
  answer_now(TargetReply(request), [&]() -> Result<std::string> {
    return overlay::read_link(daemon.overlay, TRY(inode_at(daemon, node)));
  });
}

void on_statfs(fuse_req_t request, fuse_ino_t node) {
  Daemon& daemon = arrived(request, Opcode::Statfs, node);
  answer_now(StatfsReply(request), [&] { return overlay::statfs(daemon.overlay); });
}

}  // namespace

void add_attribute_operations(fuse_lowlevel_ops& table) {
  table.getattr = guarded<on_getattr>;
  table.statx = guarded<on_statx>;
  table.setattr = guarded<on_setattr>;
  table.readlink = guarded<on_readlink>;
  table.statfs = guarded<on_statfs>;
}

}  // namespace overpass::fuse
