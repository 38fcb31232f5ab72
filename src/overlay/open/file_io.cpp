// SPDX-License-Identifier: MIT
//
// Each takes the handle's descriptor and makes the call, or has it made.

#include "overlay/open/file_io.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "io/rw_flags.h"
#include "overlay/find/copied_attributes.h"
#include "overlay/find/locate.h"
#include "overlay/find/protection.h"
#include "overlay/find/ruling.h"
#include "overlay/find/set_ids.h"
#include "overlay/open/copyattr.h"
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

/// The file's size on the disk, of which a handle is open at `fd`.
Result<off_t> size_of(const Inode& inode, BorrowedFd fd) {
  if (const auto size = settled_size(inode)) return *size;
  return static_cast<off_t>(TRY(sys::stat(sys::place_of(fd))).stx_size);
}

/// An append goes to the file's end on the disk, unless the kernel still holds pages that come
/// before it: then it goes where the kernel placed it.
void leave_room_for_unwritten_pages(const Inode& inode, io::Job& job) {
  const auto size = size_of(inode, job.fd);
  if (size && job.offset > *size) job.rw_flags &= ~RWF_APPEND;
}

Transferred counted_read(const OpenFile& file, Transferred done) {
  return
      [counted = CountedRead(file), done = std::move(done)](Result<std::span<char>> bytes) mutable {
        counted.end();
        done(bytes);
      };
}

void start(Overlay& overlay, const OpenFile& file, Result<io::Job> job, Transferred done) {
  if (!job) return done(fail(job.error()));
  job->is_remote = overlay.stack.layers[file.layer()].is_remote;
  overlay.transfers.start(*std::move(job), std::move(done), overlay.mount);
}

/// The same for a change of the bytes that ends at `end`, or at the end of the file. Costs set-id
/// bits what it costs.
void start_change(Overlay& overlay, const Caller& caller, const OpenFile& file, io::Job job,
                  std::optional<off_t> end, Changed done) {
  ContentChange change(overlay, file.inode(), end);
  job.keeps_set_ids = change.take_set_ids(job.fd, caller);
  Transferred then = copyattr_then(overlay, std::move(change), job, std::move(done));
  start(overlay, file, std::move(job), std::move(then));
}

}  // namespace

void read(Overlay& overlay, OpenFile& file, size_t size, off_t offset, int flags,
          Transferred done) {
  auto job = read_job(overlay, file, size, offset, flags);
  if (job) done = counted_read(file, std::move(done));
  start(overlay, file, std::move(job), std::move(done));
}

void write(Overlay& overlay, const Caller& caller, OpenFile& file, std::span<char> data,
           off_t offset, int flags, WriteKind kind, Changed done) {
  auto job = write_job(overlay, file, data, offset, flags, kind);
  if (!job) return done(fail(job.error()));
  if (overlay.writeback && (job->rw_flags & RWF_APPEND) != 0) {
    leave_room_for_unwritten_pages(*file.inode(), *job);
  }
  std::optional<off_t> end;
  if ((job->rw_flags & RWF_APPEND) == 0) end = offset + static_cast<off_t>(data.size());
  start_change(overlay, caller, file, *std::move(job), end, std::move(done));
}

void sync(Overlay& overlay, OpenFile& file, bool data_only, Transferred done) {
  if (overlay.settings.is_volatile) return done(std::span<char>());
  const auto action = data_only ? io::Action::SyncData : io::Action::Sync;
  auto fd = file.content(overlay);
  if (!fd) return done(fail(fd.error()));
  io::Job job = job_on(action, std::move(*fd));
  Transferred then = note_written_out_then(file.inode(), job.fd, std::move(done));
  start(overlay, file, std::move(job), std::move(then));
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

off_t end_of_allocation(int mode, off_t offset, off_t length) {
  return (mode & FALLOC_FL_KEEP_SIZE) != 0 ? 0 : offset + length;
}

void allocate(Overlay& overlay, const Caller& caller, OpenFile& file, int mode, off_t offset,
              off_t length, Changed done) {
  auto fd = content_for_allocation(overlay, file, mode);
  if (!fd) return done(fail(fd.error()));
  io::Job job = job_on(io::Action::Allocate, std::move(*fd));
  job.allocate_mode = mode;
  job.offset = offset;
  job.length = length;
  const off_t end = end_of_allocation(mode, offset, length);
  start_change(overlay, caller, file, std::move(job), end, std::move(done));
}

Result<off_t> seek(Overlay& overlay, OpenFile& file, off_t offset, int whence) {
  if (reads_what_was(file)) return fail(EINVAL);
  const SharedFd fd = TRY(file.content(overlay));
  // The kernel asks without first writing back what it holds, stores by mmap among it.
  if (!may_have_unwritten_pages(*file.inode())) return sys::seek(fd->fd, offset, whence);
  if (overlay.writeback) return fail(EINVAL);
  const off_t size = TRY(size_of(*file.inode(), fd->fd));
  if (offset < 0 || offset >= size) return fail(ENXIO);
  return whence == SEEK_DATA ? offset : size;
}

Result<std::string> read_link(Overlay& overlay, const InodeRef& inode) {
  TRY(check_deny_rule(overlay, *inode));
  const Located located = TRY(held(overlay, *inode));
  return sys::read_link(located.place());
}

}  // namespace overpass::overlay
