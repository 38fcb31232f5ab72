// SPDX-License-Identifier: MIT
//
// LOOKUP, FORGET, BATCH_FORGET.

#include "overlay/find/lookup.h"

#include <cstring>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/find/attributes.h"

namespace overpass::fuse {

namespace {

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Lookup, parent);
  answer_now(LookupReply(request), [&]() -> Result<overlay::Entry> {
    const overlay::InodeRef inode = TRY(inode_at(daemon, parent));
    // The kernel resolves file handles by these names; it asks for them in no other case.
    if (std::strcmp(name, ".") == 0) return overlay::entry_of(daemon.overlay, inode);
    if (std::strcmp(name, "..") == 0) return overlay::lookup_parent(daemon.overlay, inode);
    return overlay::lookup(daemon.overlay, inode, name);
  });
}

void on_forget(fuse_req_t request, fuse_ino_t node, uint64_t count) {
  Daemon& daemon = arrived(request, Opcode::Forget);
  daemon.listings.forget(overlay::NodeId{node});
  daemon.overlay.table.forget(overlay::NodeId{node}, count);
  daemon.housekeeping->inodes_were_forgotten();
  fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  Daemon& daemon = arrived(request, Opcode::BatchForget);
  for (const fuse_forget_data& forget : std::span(forgets, count)) {
    daemon.listings.forget(overlay::NodeId{forget.ino});
    daemon.overlay.table.forget(overlay::NodeId{forget.ino}, forget.nlookup);
  }
  daemon.housekeeping->inodes_were_forgotten();
  fuse_reply_none(request);
}

}  // namespace

void add_lookup_operations(fuse_lowlevel_ops& table) {
  table.lookup = guarded<on_lookup>;
  table.forget = guarded<on_forget>;
  table.forget_multi = guarded<on_forget_multi>;
}

}  // namespace overpass::fuse
