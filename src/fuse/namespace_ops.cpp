// SPDX-License-Identifier: MIT
//
// MKNOD, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME: what changes names.

#include <stdio.h>

#include <string>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/change/create.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/change/sent_again.h"

namespace overpass::fuse {

namespace {

void on_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  Daemon& daemon = arrived(request, Opcode::Mknod, parent);
  answer_now(EntryReply(request), [&]() -> Result<overlay::Entry> {
    const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
    const overlay::Caller caller = caller_of(request);
    auto made = TRY(overlay::made_before(daemon.overlay, caller, directory, name, mode & S_IFMT));
    if (made) return *std::move(made);
    return overlay::make_node(daemon.overlay, caller, directory, name, mode, device);
  });
}

void on_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  Daemon& daemon = arrived(request, Opcode::Mkdir, parent);
  answer_now(EntryReply(request), [&]() -> Result<overlay::Entry> {
    const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
    const overlay::Caller caller = caller_of(request);
    auto made = TRY(overlay::made_before(daemon.overlay, caller, directory, name, S_IFDIR));
    if (made) return *std::move(made);
    return overlay::make_directory(daemon.overlay, caller, directory, name, mode);
  });
}

void on_symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Symlink, parent);
  answer_now(EntryReply(request), [&]() -> Result<overlay::Entry> {
    const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
    const overlay::Caller caller = caller_of(request);
    auto made = TRY(overlay::made_before(daemon.overlay, caller, directory, name, S_IFLNK));
    if (made) return *std::move(made);
    return overlay::make_symlink(daemon.overlay, caller, directory, name, target);
  });
}

void on_link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Link, node);
  answer(EntryReply(request), caller_of(request),
         [&daemon, node, parent,
          name = std::string(name)](const overlay::Caller& caller) -> Result<overlay::Entry> {
           const overlay::InodeRef inode = TRY(inode_at(daemon, node));
           const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
           auto linked =
               TRY(overlay::linked_before(daemon.overlay, caller, inode, directory, name.c_str()));
           if (linked) return *std::move(linked);
           return overlay::make_link(daemon.overlay, caller, inode, directory, name.c_str());
         });
}

void on_unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Unlink, parent);
  answer(
      EmptyReply(request), caller_of(request),
      [&daemon, parent, name = std::string(name)](const overlay::Caller& caller) -> Result<void> {
        const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
        if (TRY(overlay::removed_before(daemon.overlay, caller, directory, name.c_str()))) {
          return {};
        }
        return overlay::remove_file(daemon.overlay, caller, directory, name.c_str());
      });
}

void on_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Rmdir, parent);
  answer(
      EmptyReply(request), caller_of(request),
      [&daemon, parent, name = std::string(name)](const overlay::Caller& caller) -> Result<void> {
        const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
        if (TRY(overlay::removed_before(daemon.overlay, caller, directory, name.c_str()))) {
          return {};
        }
        return overlay::remove_directory(daemon.overlay, caller, directory, name.c_str());
      });
}

/// The answer to a RENAME, which leaves a note when it has been carried out.
class RenameReply : public EmptyReply {
 public:
  explicit RenameReply(fuse_req_t request) : EmptyReply(request), daemon_(daemon_of(request)) {}
  void send() {
    EmptyReply::send();
    if (daemon_.survival) daemon_.survival->end_done(unique());
  }

 private:
  Daemon& daemon_;
};

void on_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
               const char* new_name, unsigned flags) {
  Daemon& daemon = arrived(request, Opcode::Rename, parent);
  answer(RenameReply(request), caller_of(request),
         [&daemon, parent, new_parent, flags, name = std::string(name),
          new_name = std::string(new_name)](const overlay::Caller& caller) -> Result<void> {
           const overlay::InodeRef from = TRY(inode_at(daemon, parent));
           const overlay::InodeRef to = TRY(inode_at(daemon, new_parent));
           if (overlay::renamed_before(daemon.overlay, caller)) {
             const bool is_exchange = (flags & RENAME_EXCHANGE) != 0;
             return is_exchange ? Result<void>()
                                : overlay::hide_old_name(daemon.overlay, from, name.c_str());
           }
           return overlay::rename(daemon.overlay, caller, {from, name.c_str()},
                                  {to, new_name.c_str()}, flags);
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
