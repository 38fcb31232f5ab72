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
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::sys {

namespace {

// Files below this size are copied whole by one call: looking for holes would cost more than it
// saves, and a hole shorter than a block is none.
constexpr off_t kSmallFile = 64 * 1024;
constexpr size_t kBufferSize = 1024 * 1024;
// The bytes that the kernel copies by one call, which cannot be ended: few milliseconds from memory
// to memory, and enough that the calls cost nothing.
constexpr size_t kPart = size_t{8} * 1024 * 1024;

/// The two files, and the observer of the copy.
struct Copying {
  BorrowedFd from, to;
  CopyObserver* observer;
  Afterwards afterwards;
  off_t begun = 0;  ///< All before this is on its way to the disk.

  Result<void> reached(off_t offset) {
    // Otherwise nothing is written before the sync, which then takes the time of the whole file.
    if (afterwards == Afterwards::Synced && offset - begun >= static_cast<off_t>(kPart)) {
      begin_writing_out(to, begun, offset - begun);
      begun = offset;
    }
    return observer == nullptr ? Result<void>() : observer->reached(offset);
  }
};

/// Copies [offset, end) through a buffer; where it ended, which is before `end` when the source
/// does.
Result<off_t> copy_by_buffer(Copying& copying, off_t offset, off_t end) {
  const size_t size = std::min(kBufferSize, static_cast<size_t>(end - offset));
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  while (offset < end) {
    const size_t wanted = std::min(size, static_cast<size_t>(end - offset));
    const size_t length = TRY(read_at(copying.from, {buffer.get(), wanted}, offset));
    if (length == 0) break;
    size_t written = 0;
    while (written < length) {
      // A short write is followed by one that reports why.
      written += TRY(write_at(copying.to, {buffer.get() + written, length - written},
                              offset + static_cast<off_t>(written)));
    }
    offset += static_cast<off_t>(length);
    TRY(copying.reached(offset));
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
Result<off_t> copy_range(Copying& copying, off_t offset, off_t end) {
  while (offset < end) {
    const size_t wanted = std::min(kPart, static_cast<size_t>(end - offset));
    auto copied = copy_file_range(copying.from, offset, copying.to, offset, wanted);
    if (!copied) {
      if (!is_unsupported(copied.error())) return fail(copied.error());
      return copy_by_buffer(copying, offset, end);
    }
    // Some file systems (procfs) say 0 for a file that has more: reading tells.
    if (*copied == 0) return copy_by_buffer(copying, offset, end);
    offset += static_cast<off_t>(*copied);
    TRY(copying.reached(offset));
  }
  return offset;
}

/// A clone is of the whole file.
Result<void> fit_size(BorrowedFd file, off_t size) {
  const Stat now = TRY(stat(place_of(file)));
  if (static_cast<off_t>(now.stx_size) == size) return {};
  return change_size_of_open(file, size);
}

}  // namespace

Result<void> copy_data(BorrowedFd from, BorrowedFd to, off_t size, CopyObserver* observer,
                       Afterwards afterwards) {
  if (size == 0) return {};
  Copying copying = {from, to, observer, afterwards};
  if (size <= kSmallFile) {
    const off_t end = TRY(copy_range(copying, 0, size));
    return end == size ? Result<void>() : change_size_of_open(to, size);
  }
  if (clone_file(from, to)) return fit_size(to, size);
  off_t offset = 0;
  while (offset < size) {
    auto data = seek(from, offset, SEEK_DATA);
    if (data.failed_with(ENXIO)) break;  // Nothing but a hole up to the end.
    const off_t start = data ? *data : offset;
    auto hole = seek(from, start, SEEK_HOLE);
    const off_t end = std::min(hole ? *hole : size, size);
    if (start >= size) break;
    TRY(copy_range(copying, start, end));
    offset = end;
  }
  return change_size_of_open(to, size);
}

}  // namespace overpass::sys
