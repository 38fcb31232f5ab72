// SPDX-License-Identifier: MIT
//
// Each takes the handle's descriptor and makes the call, or has it made.

#include "overlay/file_io.h"

#include <fcntl.h>

#include "io/rw_flags.h"
#include "overlay/locate.h"
#include "overlay/open_directory.h"
#include "overlay/open_file.h"
#include "overlay/overlay.h"
#include "sys/file_io.h"
#include "sys/names.h"

namespace overpass::overlay {

namespace {

/// What fills the kernel's page cache is worth nothing in part: there the end of what was read is
/// taken for the end of the file. A direct read goes to the caller as it comes.
Result<io::Job> read_job(Overlay& overlay, OpenFile& file, size_t size, off_t offset, int flags) {
  SharedFd fd = TRY(file.content(overlay));
  io::Job job;
  job.action = io::Action::Read;
  job.fd = fd->fd;
  job.pin = std::move(fd);
  job.offset = offset;
  job.buffer = overlay.transfers.buffers().take(size);
  job.bytes = job.buffer.bytes();
  job.rw_flags = io::read_flags(flags);
  job.whole = (flags & O_DIRECT) == 0;
  return job;
}

Result<io::Job> write_job(Overlay& overlay, OpenFile& file, std::span<char> data, off_t offset,
                          int flags, WriteKind kind) {
  SharedFd fd = TRY(file.content(overlay));
  const bool is_writeback = kind == WriteKind::Writeback;
  io::Job job;
  job.action = io::Action::Write;
  job.fd = fd->fd;
  job.pin = std::move(fd);
  job.offset = offset;
  job.bytes = data;
  job.copy_into = &overlay.transfers.buffers();
  job.rw_flags = io::write_flags(flags, is_writeback ? io::Trait::Writeback : io::Trait::None);
  job.whole = is_writeback;
  return job;
}

void start(Overlay& overlay, Result<io::Job> job, Transferred done) {
  if (!job) return done(fail(job.error()));
  overlay.transfers.start(*std::move(job), std::move(done), overlay.background);
}

}  // namespace

void read(Overlay& overlay, OpenFile& file, size_t size, off_t offset, int flags,
          Transferred done) {
  start(overlay, read_job(overlay, file, size, offset, flags), std::move(done));
}

void write(Overlay& overlay, OpenFile& file, std::span<char> data, off_t offset, int flags,
           WriteKind kind, Transferred done) {
  start(overlay, write_job(overlay, file, data, offset, flags, kind), std::move(done));
}

Result<void> sync(Overlay& overlay, OpenFile& file, bool data_only) {
  if (overlay.settings.is_volatile) return {};
  const SharedFd fd = TRY(file.content(overlay));
  return data_only ? sys::sync_data(fd->fd) : sys::sync_file(fd->fd);
}

Result<void> sync(Overlay& overlay, OpenDirectory& directory) {
  // A directory of lowers alone has nothing to be written.
  if (overlay.settings.is_volatile || !directory.inode()->directory->has_upper) return {};
  return sys::sync_file(TRY(directory.open_top(overlay)));
}

Result<void> allocate(Overlay& overlay, OpenFile& file, int mode, off_t offset, off_t length) {
  const SharedFd fd = TRY(file.content(overlay));
  return sys::allocate(fd->fd, mode, offset, length);
}

Result<off_t> seek(Overlay& overlay, OpenFile& file, off_t offset, int whence) {
  if (reads_what_was(file)) return fail(EINVAL);
  const SharedFd fd = TRY(file.content(overlay));
  return sys::seek(fd->fd, offset, whence);
}

Result<size_t> copy_range(Overlay& overlay, OpenFile& from, off_t from_offset, OpenFile& to,
                          off_t to_offset, size_t length) {
  // The kernel then copies by reading, which is passed through.
  if (reads_what_was(from)) return fail(EOPNOTSUPP);
  const SharedFd source = TRY(from.content(overlay));
  const SharedFd target = TRY(to.content(overlay));
  return sys::copy_file_range(source->fd, from_offset, target->fd, to_offset, length);
}

Result<std::string> read_link(Overlay& overlay, const InodeRef& inode) {
  const Located located = TRY(locate(overlay, *inode));
  return sys::read_link(located.place());
}

}  // namespace overpass::overlay
