// SPDX-License-Identifier: MIT
//
// READ, WRITE, FSYNC, FALLOCATE, LSEEK, COPY_FILE_RANGE, IOCTL: what is done through a handle.
// Reads and writes come here only where nothing is passed through.

#include <sys/file.h>

#include <algorithm>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "overlay/change/file_flags.h"
#include "overlay/change/sent_again.h"
#include "overlay/open/file_io.h"

namespace overpass::fuse {

namespace {

/// Answers when the bytes have been moved, on any thread.
template <class ReplyType, class Send>
overlay::Transferred answer_with(ReplyType reply, Send send) {
  return [reply = std::move(reply), send](Result<std::span<char>> bytes) mutable {
    if (bytes) {
      send(reply, *bytes);
    } else {
      reply.fail(bytes.error());
    }
  };
}

/// Answers when a file's bytes have been changed, on any thread.
template <class ReplyType, class Send>
overlay::Changed answer_change_with(ReplyType reply, Send send) {
  return [reply = std::move(reply), send](Result<size_t> written) mutable {
    if (written) {
      send(reply, *written);
    } else {
      reply.fail(written.error());
    }
  };
}

/// What a READ asks for.
struct Piece {
  size_t size;
  off_t offset;
  int flags;  ///< O_*
};

void read_from(overlay::OpenFile& file, const Piece& piece, DataReply reply) {
  overlay::Overlay& overlay = daemon_of(reply.request()).overlay;
  overlay::read(overlay, file, piece.size, piece.offset, piece.flags,
                answer_with(std::move(reply), [](DataReply& answered, std::span<char> bytes) {
                  answered.send(bytes);
                }));
}

/// A read without a handle: what it needs is the file, and having that it begins.
class ReadByNodeReply : public DataReply {
 public:
  ReadByNodeReply(fuse_req_t request, const Piece& piece) : DataReply(request), piece_(piece) {}
  void send(const FilesByNode::File& file) { read_from(*file, piece_, std::move(*this)); }

 private:
  Piece piece_;
};

/// The file of a node that was not opened (FilesByNode).
auto file_by_node(Daemon& daemon, fuse_ino_t node) {
  return [&daemon, node](const overlay::Caller& caller) -> Result<FilesByNode::File> {
    return daemon.files_by_node.at(TRY(inode_at(daemon, node)), caller);
  };
}

/// The daemon itself: what it opens serves all callers, and counts for none of them.
overlay::Caller on_own_behalf() { return {.uid = 0, .may_wait = false}; }

void on_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Read, node);
  const Piece piece{size, offset, info->flags};
  if (daemon.negotiated.needs_open) {
    overlay::OpenFile* const file = file_or_refuse(daemon, request, info);
    if (file != nullptr) read_from(*file, piece, DataReply(request));
    return;
  }
  answer(ReadByNodeReply(request, piece), on_own_behalf(), file_by_node(daemon, node));
}

/// Refuses a change of a file that was not opened. The kernel sends one if such a mount was
/// remounted for writing (mount(8) -o remount,rw).
bool refuse_unopened(const Daemon& daemon, fuse_req_t request) {
  if (daemon.negotiated.needs_open) return false;
  Reply(request).fail(Errno{EROFS});
  return true;
}

/// The kernel keeps the block count of its last answer, even after it has written pages back.
void forget_blocks(Daemon& daemon, fuse_ino_t node, bool is_pinned) {
  if (!daemon.negotiated.writeback) return;
  if (is_pinned) {
    daemon.notifier->attributes_changed(overlay::NodeId{node});
  } else {
    daemon.notifier->attributes_changed_later(overlay::NodeId{node});
  }
}

void on_write(fuse_req_t request, fuse_ino_t node, const char* data, size_t size, off_t offset,
              fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Write, node);
  if (refuse_unopened(daemon, request)) return;
  overlay::OpenFile* const file = file_or_refuse(daemon, request, info);
  if (file == nullptr) return;
  const overlay::Caller caller = caller_of(request, info->kill_suidgid != 0);
  const size_t done = overlay::appended_before(daemon.overlay, caller, *file, {data, size}, offset);
  if (done == size && size != 0) return WrittenReply(request).send(size);
  data += done;
  size -= done;
  offset += static_cast<off_t>(done);
  const auto kind =
      info->writepage != 0 ? overlay::WriteKind::Writeback : overlay::WriteKind::Plain;
  // A transfer has one kind of bytes; these are only read.
  overlay::write(daemon.overlay, caller, *file, {const_cast<char*>(data), size}, offset,
                 info->flags, kind,
                 answer_change_with(WrittenReply(request),
                                    [&daemon, node, done](WrittenReply& reply, size_t written) {
                                      reply.send(done + written);
                                      forget_blocks(daemon, node, /*is_pinned=*/false);
                                    }));
}

void on_fsync(fuse_req_t request, fuse_ino_t node, int data_only, fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Fsync, node);
  // Only a read-only mount is read without opening: there is nothing to write.
  if (!daemon.negotiated.needs_open) return EmptyReply(request).send();
  overlay::OpenFile* const file = file_or_refuse(daemon, request, info);
  if (file == nullptr) return;
  overlay::sync(
      daemon.overlay, *file, data_only != 0,
      answer_with(EmptyReply(request), [&daemon, node](EmptyReply& reply, std::span<char>) {
        forget_blocks(daemon, node, /*is_pinned=*/true);
        reply.send();
      }));
}

void on_fallocate(fuse_req_t request, fuse_ino_t node, int mode, off_t offset, off_t length,
                  fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Fallocate, node);
  if (refuse_unopened(daemon, request)) return;
  overlay::OpenFile* const file = file_or_refuse(daemon, request, info);
  if (file == nullptr) return;
  if (overlay::is_long_allocation(daemon.overlay, *file, length)) {
    return answer(EmptyReply(request), caller_of(request),
                  [&daemon, file, mode, offset, length](const overlay::Caller& caller) {
                    return overlay::allocate_killably(daemon.overlay, caller, *file, mode, offset,
                                                      length);
                  });
  }
  overlay::allocate(
      daemon.overlay, caller_of(request), *file, mode, offset, length,
      answer_change_with(EmptyReply(request), [](EmptyReply& reply, size_t) { reply.send(); }));
}

void on_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* info) {
  Daemon& daemon = arrived(request, Opcode::Lseek, node);
  if (!daemon.negotiated.needs_open) {
    return answer(OffsetReply(request), on_own_behalf(),
                  [&daemon, offset, whence, open = file_by_node(daemon, node)](
                      const overlay::Caller& caller) -> Result<off_t> {
                    const FilesByNode::File file = TRY(open(caller));
                    return overlay::seek(daemon.overlay, *file, offset, whence);
                  });
  }
  overlay::OpenFile* const file = file_or_refuse(daemon, request, info);
  if (file == nullptr) return;
  answer_now(OffsetReply(request), [&]() -> Result<off_t> {
    return overlay::seek(daemon.overlay, *file, offset, whence);
  });
}

void on_copy_file_range(fuse_req_t request, fuse_ino_t node, off_t from_offset,
                        fuse_file_info* from, fuse_ino_t, off_t to_offset, fuse_file_info* to,
                        size_t length, int) {
  Daemon& daemon = arrived(request, Opcode::CopyFileRange, node);
  if (refuse_unopened(daemon, request)) return;
  overlay::OpenFile* const source = file_or_refuse(daemon, request, from);
  if (source == nullptr) return;
  overlay::OpenFile* const target = file_or_refuse(daemon, request, to);
  if (target == nullptr) return;
  answer(WrittenReply(request), caller_of(request),
         [&daemon, from_offset, to_offset, length, source, target](const overlay::Caller& caller) {
           return overlay::copy_range(daemon.overlay, caller, *source, from_offset, *target,
                                      to_offset, length);
         });
}

void on_ioctl(fuse_req_t request, fuse_ino_t node, unsigned code, void*, fuse_file_info*,
              unsigned flags, const void* input, size_t input_size, size_t output_size) {
  Daemon& daemon = arrived(request, Opcode::Ioctl, node);
  const auto* bytes = static_cast<const char*>(input);
  answer(IoctlReply(request), caller_of(request),
         [&daemon, node, code, flags, output_size, in = std::string(bytes, input_size)](
             const overlay::Caller& caller) -> Result<std::vector<char>> {
           if ((flags & FUSE_IOCTL_COMPAT) != 0) return fail(ENOTTY);
           auto output = overlay::flag_request(daemon.overlay, caller, TRY(inode_at(daemon, node)),
                                               code, in, output_size);
           // The kernel does not know that these requests change anything.
           if (output && overlay::is_flag_change(code)) {
             daemon.notifier->attributes_changed(overlay::NodeId{node});
           }
           return output;
         });
}

/// LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB or without. Asked only where locks are kept here
/// (negotiate_locks()).
void on_flock(fuse_req_t request, fuse_ino_t node, fuse_file_info* info, int operation) {
  Daemon& daemon = arrived(request, Opcode::Setlk, node);
  overlay::Flocks& flocks = daemon.overlay.flocks;
  const overlay::OpenFile* const file = file_or_refuse(daemon, request, info);
  if (file == nullptr) return;
  EmptyReply reply(request);
  const uint64_t domain = flocks.domain_of(*file->inode());
  if ((operation & LOCK_UN) != 0) {
    flocks.unlock(domain, info->lock_owner);
    return reply.send();
  }
  const overlay::Flocks::Request wanted{.domain = domain,
                                        .owner = info->lock_owner,
                                        .kind = (operation & LOCK_EX) != 0
                                                    ? overlay::Flocks::Kind::Exclusive
                                                    : overlay::Flocks::Kind::Shared,
                                        .waits = (operation & LOCK_NB) == 0,
                                        .thread = fuse_req_ctx(request)->pid};
  auto answer = [reply = std::move(reply)](Result<void> result) mutable {
    if (result) {
      reply.send();
    } else {
      reply.fail(result.error());
    }
  };
  if (flocks.lock(wanted, std::move(answer))) daemon.flock_watch->begin();
}

}  // namespace

void add_file_operations(fuse_lowlevel_ops& table) {
  table.read = guarded<on_read>;
  table.write = guarded<on_write>;
  table.fsync = guarded<on_fsync>;
  table.fallocate = guarded<on_fallocate>;
  table.lseek = guarded<on_lseek>;
  table.copy_file_range = guarded<on_copy_file_range>;
  table.ioctl = guarded<on_ioctl>;
  table.flock = guarded<on_flock>;
}

}  // namespace overpass::fuse
