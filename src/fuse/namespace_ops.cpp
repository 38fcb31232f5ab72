// SPDX-License-Identifier: MIT
//
// MKNOD, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME: what changes names.

#include <string>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/change/create.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/copy_up/copy_up.h"

namespace overpass::fuse {

namespace {

void on_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  Daemon& daemon = arrived(request, Opcode::Mknod);
  answer_now(EntryReply(request), [&]() -> Result<overlay::Entry> {
    return overlay::make_node(daemon.overlay, TRY(inode_at(daemon, parent)), name, mode, device,
                              caller_of(request));
  });
}

void on_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  Daemon& daemon = arrived(request, Opcode::Mkdir);
  answer_now(EntryReply(request), [&]() -> Result<overlay::Entry> {
    return overlay::make_directory(daemon.overlay, TRY(inode_at(daemon, parent)), name, mode,
                                   caller_of(request));
  });
}

void on_symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Symlink);
  answer_now(EntryReply(request), [&]() -> Result<overlay::Entry> {
    return overlay::make_symlink(daemon.overlay, TRY(inode_at(daemon, parent)), name, target,
                                 caller_of(request));
  });
}

void on_link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Link);
  EntryReply reply(request);
  const overlay::InodeRef inode = daemon.overlay.table.find(overlay::NodeId{node});
  answer_where(inode && overlay::needs_long_copy_for_metadata(daemon.overlay, *inode),
               std::move(reply),
               [&daemon, inode, parent, name = std::string(name)]() -> Result<overlay::Entry> {
                 if (!inode) return fail(ESTALE);
                 return overlay::make_link(daemon.overlay, inode, TRY(inode_at(daemon, parent)),
                                           name.c_str());
               });
}

void on_unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Unlink);
  EmptyReply reply(request);
  const overlay::InodeRef directory = daemon.overlay.table.find(overlay::NodeId{parent});
  const bool is_long = directory && overlay::removal_takes_long(daemon.overlay, *directory, name);
  answer_where(is_long, std::move(reply),
               [&daemon, directory, name = std::string(name)]() -> Result<void> {
                 if (!directory) return fail(ESTALE);
                 return overlay::remove_file(daemon.overlay, directory, name.c_str());
               });
}

void on_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Rmdir);
  EmptyReply reply(request);
  const overlay::InodeRef directory = daemon.overlay.table.find(overlay::NodeId{parent});
  const bool is_long = directory && overlay::removal_takes_long(daemon.overlay, *directory, name);
  answer_where(is_long, std::move(reply),
               [&daemon, directory, name = std::string(name)]() -> Result<void> {
                 if (!directory) return fail(ESTALE);
                 return overlay::remove_directory(daemon.overlay, directory, name.c_str());
               });
}

void on_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
               const char* new_name, unsigned flags) {
  Daemon& daemon = arrived(request, Opcode::Rename);
  EmptyReply reply(request);
  const overlay::InodeRef from = daemon.overlay.table.find(overlay::NodeId{parent});
  const overlay::InodeRef to = daemon.overlay.table.find(overlay::NodeId{new_parent});
  const bool is_long =
      from && to && overlay::rename_needs_copy(daemon.overlay, {from, name}, {to, new_name}, flags);
  answer_where(
      is_long, std::move(reply),
      [&daemon, from, to, flags, name = std::string(name),
       new_name = std::string(new_name)]() -> Result<void> {
        if (!from || !to) return fail(ESTALE);
        return overlay::rename(daemon.overlay, {from, name.c_str()}, {to, new_name.c_str()}, flags);
      });
}

}  // namespace

void add_namespace_operations(fuse_lowlevel_ops& table) {
  table.mknod = guarded<on_mknod>;
  table.mkdir = guarded<on_mkdir>;
  table.symlink = guarded<on_symlink>;
  table.link = guarded<on_link>;
  table.unlink = guarded<on_unlink>;
  table.rmdir = guarded<on_rmdir>;
  table.rename = guarded<on_rename>;
}

}  // namespace overpass::fuse
