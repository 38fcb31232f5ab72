// SPDX-License-Identifier: MIT
//
// OPEN, CREATE, TMPFILE, RELEASE.

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/change/create.h"
#include "overlay/change/sent_again.h"
#include "overlay/open/open_file.h"

namespace overpass::fuse {

namespace {

/// Whether the file that is opened could be recorded (survive=on).
bool has_room(Daemon& daemon) { return !daemon.survival || daemon.survival->handles().has_room(); }

void on_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Open, node);
  if (!daemon.negotiated.needs_open) return OpenReply(request, *info).refuse_all();
  if (!has_room(daemon)) return OpenReply(request, *info).fail(Errno{ENFILE});
  answer(OpenReply(request, *info), caller_of(request, info->kill_suidgid != 0),
         [&daemon, node,
          flags = info->flags](const overlay::Caller& caller) -> Result<overlay::Opened> {
           return overlay::open_file(daemon.overlay, caller, TRY(inode_at(daemon, node)), flags);
         });
}

void on_create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
               fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Create, parent);
  if (!has_room(daemon)) return CreateReply(request, *info).fail(Errno{ENFILE});
  answer_now(CreateReply(request, *info), [&]() -> Result<overlay::Created> {
    const overlay::InodeRef directory = TRY(inode_at(daemon, parent));
    const overlay::Caller caller = caller_of(request);
    auto created =
        TRY(overlay::created_before(daemon.overlay, caller, directory, name, info->flags));
    if (created) return *std::move(created);
    return overlay::create_file(daemon.overlay, caller, directory, name, info->flags, mode);
  });
}

void on_tmpfile(fuse_req_t request, fuse_ino_t parent, mode_t mode, fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Tmpfile, parent);
  if (!has_room(daemon)) return CreateReply(request, *info).fail(Errno{ENFILE});
  answer_now(CreateReply(request, *info), [&]() -> Result<overlay::Created> {
    return overlay::create_unnamed(daemon.overlay, caller_of(request),
                                   TRY(inode_at(daemon, parent)), info->flags, mode);
  });
}

void on_release(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Release, node);
  const overlay::OpenFile* const file = file_of(daemon, info);
  if (info->flock_release != 0 && file != nullptr) {
    overlay::Flocks& flocks = daemon.overlay.flocks;
    flocks.unlock(flocks.domain_of(*file->inode()), info->lock_owner);
  }
  release_handle(daemon, info->fh);
  EmptyReply(request).send();
}

}  // namespace

void add_open_operations(fuse_lowlevel_ops& table) {
  table.open = guarded<on_open>;
  table.create = guarded<on_create>;
  table.tmpfile = guarded<on_tmpfile>;
  table.release = guarded<on_release>;
}

}  // namespace overpass::fuse
