// SPDX-License-Identifier: MIT
//
// Each takes the handle's descriptor and makes the call, or has it made.

#include "overlay/open/file_io.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/rw_flags.h"
#include "overlay/find/locate.h"
#include "overlay/find/protection.h"
#include "overlay/find/ruling.h"
#include "overlay/find/set_ids.h"
#include "overlay/open/open_directory.h"
#include "overlay/open/open_file.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

io::Job job_on(io::Action action, SharedFd fd) {
  io::Job job;
  job.action = action;
  job.fd = fd->fd;
  job.pin = std::move(fd);
  return job;
}

/// A transfer, on the descriptor that fits the handle's flags of now.
Result<io::Job> job_for(Overlay& overlay, OpenFile& file, io::Action action, int flags) {
  if ((flags & O_DIRECT) == 0) return job_on(action, TRY(file.content(overlay)));
  DirectContent content = TRY(file.direct_content(overlay));
  io::Job job = job_on(action, std::move(content.fd));
  job.direct = content.is_direct;
  return job;
}

/// A read that fills the kernel's page cache must be whole: the kernel takes the end of a short one
/// for the end of the file. A direct read goes to the caller as it comes.
Result<io::Job> read_job(Overlay& overlay, OpenFile& file, size_t size, off_t offset, int flags) {
  io::Job job = TRY(job_for(overlay, file, io::Action::Read, flags));
  job.offset = offset;
  job.buffer = overlay.transfers.buffers().take(size);
  job.bytes = job.buffer.bytes();
  job.rw_flags = io::read_flags(flags);
  job.whole = (flags & O_DIRECT) == 0;
  return job;
}

/// O_DIRECT asks for aligned memory, which what FUSE hands over is not.
void take_over(io::Job& job, io::BufferPool& buffers, std::span<const char> data) {
  job.buffer = buffers.take(data.size());
  std::ranges::copy(data, job.buffer.bytes().begin());
  job.bytes = job.buffer.bytes();
}

Result<io::Job> write_job(Overlay& overlay, OpenFile& file, std::span<char> data, off_t offset,
                          int flags, WriteKind kind) {
  const bool is_writeback = kind == WriteKind::Writeback;
  io::Job job =
      TRY(job_for(overlay, file, io::Action::Write, is_writeback ? flags & ~O_DIRECT : flags));
  job.offset = offset;
  job.bytes = data;
  job.copy_into = &overlay.transfers.buffers();
  if (job.direct) {
    take_over(job, *std::exchange(job.copy_into, nullptr), data);
  }
  job.rw_flags = io::write_flags(flags, is_writeback ? io::Trait::Writeback : io::Trait::None);
  job.whole = is_writeback;
  return job;
}

/// An append goes to the file's end on the disk, unless the kernel still holds pages that come
/// before it: then it goes where the kernel placed it.
void leave_room_for_unwritten_pages(io::Job& job) {
  const auto stat = sys::stat(sys::place_of(job.fd));
  if (stat && job.offset > static_cast<off_t>(stat->stx_size)) job.rw_flags &= ~RWF_APPEND;
}

/// If a caller appends while the file grows outside the mount, its bytes land at another place than
/// the kernel assumes, which placed them at the end that it knew.
Transferred watch_end(Overlay& overlay, const OpenFile& file, const io::Job& job,
                      Transferred done) {
  return [&overlay, node = file.inode()->id, pin = job.pin, fd = job.fd, offset = job.offset,
          done = std::move(done)](Result<std::span<char>> bytes) mutable {
    const off_t end = offset + static_cast<off_t>(bytes ? bytes->size() : 0);
    const bool has_moved = bytes.has_value();
    done(bytes);  // They may be gone from here on.
    if (!has_moved) return;
    const auto stat = sys::stat(sys::place_of(fd));
    if (!stat || static_cast<off_t>(stat->stx_size) != end) {
      overlay.mount.attributes_changed_later(node);
    }
  };
}

void start(Overlay& overlay, const OpenFile& file, Result<io::Job> job, Transferred done) {
  if (!job) return done(fail(job.error()));
  job->is_remote = overlay.stack.layers[file.layer()].is_remote;
  overlay.transfers.start(*std::move(job), std::move(done), overlay.mount);
}

}  // namespace

void read(Overlay& overlay, OpenFile& file, size_t size, off_t offset, int flags,
          Transferred done) {
  start(overlay, file, read_job(overlay, file, size, offset, flags), std::move(done));
}

void write(Overlay& overlay, const Caller& caller, OpenFile& file, std::span<char> data,
           off_t offset, int flags, WriteKind kind, Transferred done) {
  auto job = write_job(overlay, file, data, offset, flags, kind);
  if (job) job->keeps_set_ids = take_set_ids(overlay, sys::place_of(job->fd), caller);
  if (job && (job->rw_flags & RWF_APPEND) != 0) {
    if (overlay.writeback) leave_room_for_unwritten_pages(*job);
    done = watch_end(overlay, file, *job, std::move(done));
  }
  start(overlay, file, std::move(job), std::move(done));
}

void sync(Overlay& overlay, OpenFile& file, bool data_only, Transferred done) {
  if (overlay.settings.is_volatile) return done(std::span<char>());
  const auto action = data_only ? io::Action::SyncData : io::Action::Sync;
  auto fd = file.content(overlay);
  if (!fd) return done(fail(fd.error()));
  start(overlay, file, job_on(action, std::move(*fd)), std::move(done));
}

Result<void> sync(Overlay& overlay, const Caller& caller, OpenDirectory& directory) {
  // A directory of lowers alone has nothing to be written.
  if (overlay.settings.is_volatile || !directory.inode()->directory->has_upper) return {};
  TRY(caller.check_may_wait());
  return sys::sync_file(TRY(directory.open_top(overlay)));
}

Result<SharedFd> content_for_allocation(Overlay& overlay, OpenFile& file, int mode) {
  // An append-only file may get room at its end.
  const bool keeps_bytes = (mode & ~FALLOC_FL_KEEP_SIZE) == 0;
  TRY(check_protection(overlay, *current(file.inode()), /*appending=*/keeps_bytes));
  return file.content(overlay);
}

void allocate(Overlay& overlay, const Caller& caller, OpenFile& file, int mode, off_t offset,
              off_t length, Transferred done) {
  auto fd = content_for_allocation(overlay, file, mode);
  if (!fd) return done(fail(fd.error()));
  io::Job job = job_on(io::Action::Allocate, std::move(*fd));
  job.allocate_mode = mode;
  job.offset = offset;
  job.length = length;
  job.keeps_set_ids = take_set_ids(overlay, sys::place_of(job.fd), caller);
  start(overlay, file, std::move(job), std::move(done));
}

Result<off_t> seek(Overlay& overlay, OpenFile& file, off_t offset, int whence) {
  if (reads_what_was(file)) return fail(EINVAL);
  const SharedFd fd = TRY(file.content(overlay));
  // The kernel asks without first writing back what it holds, stores by mmap among it.
  if (!may_have_unwritten_pages(*file.inode())) return sys::seek(fd->fd, offset, whence);
  if (overlay.writeback) return fail(EINVAL);
  const sys::Stat stat = TRY(sys::stat(sys::place_of(fd->fd)));
  const auto size = static_cast<off_t>(stat.stx_size);
  if (offset < 0 || offset >= size) return fail(ENXIO);
  return whence == SEEK_DATA ? offset : size;
}

Result<std::string> read_link(Overlay& overlay, const InodeRef& inode) {
  TRY(check_deny_rule(overlay, *inode));
  const Located located = TRY(held(overlay, *inode));
  return sys::read_link(located.place());
}

}  // namespace overpass::overlay
