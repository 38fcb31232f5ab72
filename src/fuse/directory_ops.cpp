// SPDX-License-Identifier: MIT
//
// READDIR, READDIRPLUS, FSYNCDIR; OPENDIR and RELEASEDIR, where the kernel does not do without.

#include <dirent.h>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/open/file_io.h"
#include "overlay/open/open_directory.h"

namespace overpass::fuse {

namespace {

/// Writes entries in the kernel's form into a buffer of the size it asked for.
class ListingBuffer : public overlay::ListingSink {
 public:
  ListingBuffer(Daemon& daemon, fuse_req_t request, size_t size, bool plus, uint64_t unique)
      : daemon_(daemon),
        request_(request),
        plus_(plus),
        buffer_(size, '\0'),
        reply_(plus ? daemon.survival.get() : nullptr, unique) {}

  /// Entries that were not delivered are not remembered by the kernel.
  ~ListingBuffer() override {
    for (const overlay::InodeRef& inode : counted_) {
      daemon_.overlay.table.forget(inode->id, 1);
    }
  }

  bool has_room(const char* name) override {
    const size_t needed = plus_ ? fuse_add_direntry_plus(request_, nullptr, 0, name, nullptr, 0)
                                : fuse_add_direntry(request_, nullptr, 0, name, nullptr, 0);
    return filled_ + needed <= buffer_.size();
  }

  void add(const overlay::Listed& entry) override {
    char* const end = buffer_.data() + filled_;
    const size_t room = buffer_.size() - filled_;
    fuse_entry_param parameters = {};
    if (entry.inode) {
      counted_.push_back(entry.inode);
      parameters = entry_parameters(daemon_, {entry.inode, entry.stat}, reply_.record());
    }
    parameters.attr.st_ino = entry.ino;
    if (!entry.inode) parameters.attr.st_mode = DTTOIF(entry.type);
    filled_ += plus_ ? fuse_add_direntry_plus(request_, end, room, entry.name, &parameters,
                                              entry.next_offset)
                     : fuse_add_direntry(request_, end, room, entry.name, &parameters.attr,
                                         entry.next_offset);
  }

  std::span<const char> content() const { return {buffer_.data(), filled_}; }

  /// The kernel has got them.
  void delivered() { counted_.clear(); }

 private:
  Daemon& daemon_;
  const fuse_req_t request_;
  const bool plus_;
  std::string buffer_;
  size_t filled_ = 0;
  std::vector<overlay::InodeRef> counted_;
  const ReplyUnderWay reply_;
};

void on_opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  const Daemon& daemon = arrived(request, Opcode::Opendir, node);
  OpenDirectoryReply reply(request, *info);
  if (daemon.negotiated.needs_opendir) {
    reply.send();
  } else {
    reply.refuse_all();
  }
}

void list(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, bool plus) {
  Daemon& daemon = daemon_of(request);
  ListingReply reply(request);
  ListingBuffer buffer(daemon, request, size, plus, reply.unique());
  auto work = [&](const overlay::Caller&) -> Result<std::span<const char>> {
    const overlay::InodeRef inode = TRY(inode_at(daemon, node));
    if (!inode->is_directory()) return fail(ENOTDIR);
    auto listing = daemon.listings.take(inode, offset);
    TRY(listing->read(daemon.overlay, offset, plus, buffer));
    // Before the reply: after it the kernel asks for the rest.
    if (!buffer.content().empty()) daemon.listings.keep(std::move(listing));
    return buffer.content();
  };
  if (!try_to_answer(reply, caller_of(request), work)) reply.fail(Errno{EAGAIN});
  if (reply.is_delivered()) buffer.delivered();
}

void on_readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info*) {
  arrived(request, Opcode::Readdir, node);
  list(request, node, size, offset, false);
}

void on_readdirplus(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                    fuse_file_info*) {
  arrived(request, Opcode::Readdirplus, node);
  list(request, node, size, offset, true);
}

void on_releasedir(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  (void)arrived(request, Opcode::Releasedir, node);
  EmptyReply(request).send();
}

void on_fsyncdir(fuse_req_t request, fuse_ino_t node, int, fuse_file_info*) {
  Daemon& daemon = arrived(request, Opcode::Fsyncdir, node);
  answer(EmptyReply(request), caller_of(request),
         [&daemon, node](const overlay::Caller& caller) -> Result<void> {
           overlay::OpenDirectory directory(TRY(inode_at(daemon, node)));
           return overlay::sync(daemon.overlay, caller, directory);
         });
}

}  // namespace

void add_directory_operations(fuse_lowlevel_ops& table) {
  table.opendir = guarded<on_opendir>;
  table.readdir = guarded<on_readdir>;
  table.readdirplus = guarded<on_readdirplus>;
  table.releasedir = guarded<on_releasedir>;
  table.fsyncdir = guarded<on_fsyncdir>;
}

}  // namespace overpass::fuse
