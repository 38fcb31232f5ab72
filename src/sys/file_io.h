// SPDX-License-Identifier: MIT
//
// System calls on the content of an open file, and on its flags (chattr).

#ifndef OVERPASS_SYS_FILE_IO_H_
#define OVERPASS_SYS_FILE_IO_H_

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// pread(2): the number of bytes, fewer than asked at the end of the file.
Result<size_t> read_at(BorrowedFd fd, std::span<char> buffer, off_t offset);

/// Everything up to the end of a pipe or a file.
Result<std::string> read_to_end(BorrowedFd fd);

/// The whole content of a file, from its beginning. EFBIG beyond `most` bytes.
Result<std::string> read_content(BorrowedFd fd, size_t most);

/// The text of a file, which may be one of /proc.
Result<std::string> read_file(const std::string& path);

/// pwrite(2) until all is written. The number of bytes written, short only when an error followed.
Result<size_t> write_at(BorrowedFd fd, std::span<const char> data, off_t offset);

/// Writes all of `text` to the beginning of a file; ENOSPC if a part is all that it takes.
Result<void> write_text(BorrowedFd fd, std::span<const char> text);

/// One preadv2(2) or pwritev2(2) with RWF_* `flags`: the number of bytes, perhaps fewer than asked,
/// 0 at the end of the file. Interrupted ones are repeated.
Result<size_t> read_once(BorrowedFd fd, std::span<char> buffer, off_t offset, int flags);
Result<size_t> write_once(BorrowedFd fd, std::span<const char> data, off_t offset, int flags);

/// One write(2) of a message that a device takes whole or not at all; EIO if it took a part.
Result<void> write_message(BorrowedFd device, std::span<const char> message);

/// Whether all of a file from `offset` on, `length` bytes or up to its end, is in the page cache
/// now, or on its way there (cachestat(2)). ENOSYS before Linux 6.5; EPERM on files of others.
Result<bool> is_in_page_cache(BorrowedFd fd, off_t offset, size_t length);

Result<void> sync_file(BorrowedFd fd);
/// syncfs(2): the whole file system that the file is on. Blocking.
Result<void> sync_file_system(BorrowedFd fd);

/// Writes the data of the file out to its device and waits for that, without a flush of the
/// device's cache and without any metadata (sync_file_range(2)). What this guarantees depends on
/// the file system (layer/write_order.h). Where a filter refuses that call the file is synced.
/// Blocking.
Result<void> write_out_file(BorrowedFd fd);
Result<void> sync_data(BorrowedFd fd);
/// Lets the file system begin to write a range out, which an fsync has to wait for later
/// (sync_file_range(2)). Best effort: errors are the fsync's to tell.
void begin_writing_out(BorrowedFd fd, off_t offset, off_t length);
Result<void> allocate(BorrowedFd fd, int mode, off_t offset, off_t length);

/// lseek(2) with SEEK_DATA or SEEK_HOLE. ENXIO beyond the last data or the end.
Result<off_t> seek(BorrowedFd fd, off_t offset, int whence);

/// copy_file_range(2): the number of bytes copied, 0 at the end of `from`.
Result<size_t> copy_file_range(BorrowedFd from, off_t from_offset, BorrowedFd to, off_t to_offset,
                               size_t length);

/// Makes the whole of `to` share the blocks of `from` (FICLONE). EOPNOTSUPP, EXDEV or EINVAL where
/// the file system cannot.
Result<void> clone_file(BorrowedFd from, BorrowedFd to);

/// poll(2) without waiting: whether there is something to be read now.
bool has_input(BorrowedFd fd);

/// O_* flags as fcntl(2) F_GETFL gives them: access mode and O_PATH are those of the open.
Result<int> status_flags(BorrowedFd fd);

/// F_GET_SEALS: EINVAL for all but files in memory.
Result<int> seals(BorrowedFd fd);

/// ioctl(2) with a pointer argument: FS_IOC_GETFLAGS and the like.
Result<int> control(BorrowedFd fd, unsigned long request, void* argument);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_FILE_IO_H_
