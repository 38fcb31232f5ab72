// SPDX-License-Identifier: MIT
//
// Clone; else walk the source's data ranges (SEEK_DATA, SEEK_HOLE) and copy each, in the kernel if
// it can and through a buffer if not; then set the size, which makes a trailing hole.

#include "sys/copy_data.h"

#include <unistd.h>

#include <algorithm>
#include <memory>

#include "sys/attributes.h"
#include "sys/file_io.h"

namespace overpass::sys {

namespace {

// Files below this size are copied whole by one call: looking for holes would cost more than it
// saves, and a hole shorter than a block is none.
constexpr off_t kSmallFile = 64 * 1024;
constexpr size_t kBufferSize = 1024 * 1024;

/// Copies [offset, end) through a buffer; where it ended, which is before `end` when the source
/// does.
Result<off_t> copy_by_buffer(BorrowedFd from, BorrowedFd to, off_t offset, off_t end) {
  const size_t size = std::min(kBufferSize, static_cast<size_t>(end - offset));
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  while (offset < end) {
    const size_t wanted = std::min(size, static_cast<size_t>(end - offset));
    const size_t length = TRY(read_at(from, {buffer.get(), wanted}, offset));
    if (length == 0) break;
    size_t written = 0;
    while (written < length) {
      // A short write is followed by one that reports why.
      written += TRY(write_at(to, {buffer.get() + written, length - written},
                              offset + static_cast<off_t>(written)));
    }
    offset += static_cast<off_t>(length);
  }
  return offset;
}

/// Whether copy_file_range(2) said that it cannot do this pair of files at all.
bool is_unsupported(Errno error) {
  switch (to_int(error)) {
    case EXDEV:
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS:
    case EPERM:
    case EBADF:
      return true;
    default:
      return false;
  }
}

/// Copies [offset, end) by the kernel if it can; where it ended.
Result<off_t> copy_range(BorrowedFd from, BorrowedFd to, off_t offset, off_t end) {
  while (offset < end) {
    auto copied = copy_file_range(from, offset, to, offset, static_cast<size_t>(end - offset));
    if (!copied) {
      if (!is_unsupported(copied.error())) return fail(copied.error());
      return copy_by_buffer(from, to, offset, end);
    }
    // Some file systems (procfs) say 0 for a file that has more: reading tells.
    if (*copied == 0) return copy_by_buffer(from, to, offset, end);
    offset += static_cast<off_t>(*copied);
  }
  return offset;
}

}  // namespace

Result<void> copy_data(BorrowedFd from, BorrowedFd to, off_t size) {
  if (size == 0) return {};
  if (size <= kSmallFile) {
    const off_t end = TRY(copy_range(from, to, 0, size));
    return end == size ? Result<void>() : change_size_of_open(to, size);
  }
  if (clone_file(from, to)) return {};
  off_t offset = 0;
  while (offset < size) {
    auto data = seek(from, offset, SEEK_DATA);
    if (data.failed_with(ENXIO)) break;  // Nothing but a hole up to the end.
    const off_t start = data ? *data : offset;
    auto hole = seek(from, start, SEEK_HOLE);
    const off_t end = std::min(hole ? *hole : size, size);
    if (start >= size) break;
    TRY(copy_range(from, to, start, end));
    offset = end;
  }
  return change_size_of_open(to, size);
}

}  // namespace overpass::sys
