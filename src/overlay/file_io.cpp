// SPDX-License-Identifier: MIT
//
// Each takes the handle's descriptor and makes the call.

#include "overlay/file_io.h"

#include <fcntl.h>

#include "overlay/locate.h"
#include "overlay/open_directory.h"
#include "overlay/open_file.h"
#include "overlay/overlay.h"
#include "sys/file_io.h"
#include "sys/names.h"

namespace overpass::overlay {

Result<size_t> read(Overlay& overlay, OpenFile& file, std::span<char> buffer, off_t offset) {
  const SharedFd fd = TRY(file.content(overlay));
  return sys::read_at(fd->fd, buffer, offset);
}

Result<size_t> write(Overlay& overlay, OpenFile& file, std::span<const char> data, off_t offset,
                     bool is_final) {
  const SharedFd fd = TRY(file.content(overlay));
  const bool appends = (file.flags() & O_APPEND) != 0 && !is_final;
  return appends ? sys::append(fd->fd, data) : sys::write_at(fd->fd, data, offset);
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
