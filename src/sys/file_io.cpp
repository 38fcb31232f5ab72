// SPDX-License-Identifier: MIT
//
// pread, pwrite, fsync, fallocate, lseek, copy_file_range, ioctl.

#include "sys/file_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<size_t> read_at(BorrowedFd fd, std::span<char> buffer, off_t offset) {
  ssize_t length;
  do {
    length = ::pread(raw(fd), buffer.data(), buffer.size(), offset);
  } while (length < 0 && errno == EINTR);
  return static_cast<size_t>(TRY(checked(length)));
}

Result<std::string> read_to_end(BorrowedFd fd) {
  std::string text;
  std::array<char, 8192> buffer;
  while (true) {
    const ssize_t length = ::read(raw(fd), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (TRY(checked(length)) == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(length));
  }
}

Result<std::string> read_content(BorrowedFd fd, size_t most) {
  struct stat stat;
  TRY(checked_void(::fstat(raw(fd), &stat)));
  if (static_cast<uint64_t>(stat.st_size) > most) return fail(EFBIG);
  std::string content(static_cast<size_t>(stat.st_size), '\0');
  content.resize(TRY(read_at(fd, content, 0)));
  return content;
}

Result<std::string> read_file(const std::string& path) {
  const UniqueFd file(TRY(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC))));
  return read_to_end(file);
}

namespace {

/// Calls `write_some(rest, written)` until all is written or it fails.
template <class WriteSome>
Result<size_t> write_all(std::span<const char> data, WriteSome write_some) {
  size_t written = 0;
  while (written < data.size()) {
    const ssize_t length = write_some(data.subspan(written), static_cast<off_t>(written));
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && written == 0) return fail(errno);
    if (length <= 0) break;
    written += static_cast<size_t>(length);
  }
  return written;
}

}  // namespace

Result<size_t> write_at(BorrowedFd fd, std::span<const char> data, off_t offset) {
  return write_all(data, [&](std::span<const char> rest, off_t written) {
    return ::pwrite(raw(fd), rest.data(), rest.size(), offset + written);
  });
}

Result<void> write_text(BorrowedFd fd, std::span<const char> text) {
  return TRY(write_at(fd, text, 0)) == text.size() ? Result<void>() : fail(ENOSPC);
}

Result<size_t> read_once(BorrowedFd fd, std::span<char> buffer, off_t offset, int flags) {
  const iovec piece = {buffer.data(), buffer.size()};
  ssize_t length;
  do {
    length = ::preadv2(raw(fd), &piece, 1, offset, flags);
  } while (length < 0 && errno == EINTR);
  return static_cast<size_t>(TRY(checked(length)));
}

Result<size_t> write_once(BorrowedFd fd, std::span<const char> data, off_t offset, int flags) {
  const iovec piece = {const_cast<char*>(data.data()), data.size()};
  ssize_t length;
  do {
    length = ::pwritev2(raw(fd), &piece, 1, offset, flags);
  } while (length < 0 && errno == EINTR);
  return static_cast<size_t>(TRY(checked(length)));
}

Result<void> write_message(BorrowedFd device, std::span<const char> message) {
  ssize_t written;
  do {
    written = ::write(raw(device), message.data(), message.size());
  } while (written < 0 && errno == EINTR);
  if (TRY(checked(written)) != static_cast<ssize_t>(message.size())) return fail(EIO);
  return {};
}

namespace {

#ifndef SYS_cachestat
#define SYS_cachestat 451  // On every architecture; glibc 2.36 does not name it.
#endif

struct CachedRange {
  uint64_t offset, length;
};

struct CachedPages {
  uint64_t cached, dirty, in_writeback, evicted, recently_evicted;
};

}  // namespace

Result<bool> is_in_page_cache(BorrowedFd fd, off_t offset, size_t length) {
  struct stat file;
  TRY(checked_void(::fstat(raw(fd), &file)));
  const off_t end = std::min(file.st_size, offset + static_cast<off_t>(length));
  if (end <= offset) return true;
  const CachedRange range = {static_cast<uint64_t>(offset), static_cast<uint64_t>(end - offset)};
  CachedPages pages = {};
  TRY(checked_void(::syscall(SYS_cachestat, raw(fd), &range, &pages, 0U)));
  const auto page = static_cast<off_t>(::sysconf(_SC_PAGESIZE));
  const off_t wanted = (end + page - 1) / page - offset / page;
  return pages.cached >= static_cast<uint64_t>(wanted);
}

Result<void> sync_file(BorrowedFd fd) { return checked_void(::fsync(raw(fd))); }

Result<void> sync_file_system(BorrowedFd fd) { return checked_void(::syncfs(raw(fd))); }

Result<void> write_out_file(BorrowedFd fd) {
  constexpr unsigned kAndWait =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  const auto written = checked_void(::sync_file_range(raw(fd), 0, 0, kAndWait));
  // No file system says these: a filter of system calls does.
  if (written.failed_with(EPERM) || written.failed_with(ENOSYS)) return sync_file(fd);
  return written;
}

Result<void> sync_data(BorrowedFd fd) { return checked_void(::fdatasync(raw(fd))); }

void begin_writing_out(BorrowedFd fd, off_t offset, off_t length) {
  (void)::sync_file_range(raw(fd), offset, length, SYNC_FILE_RANGE_WRITE);
}

Result<void> allocate(BorrowedFd fd, int mode, off_t offset, off_t length) {
  return checked_void(::fallocate(raw(fd), mode, offset, length));
}

Result<off_t> seek(BorrowedFd fd, off_t offset, int whence) {
  return checked(::lseek(raw(fd), offset, whence));
}

Result<size_t> copy_file_range(BorrowedFd from, off_t from_offset, BorrowedFd to, off_t to_offset,
                               size_t length) {
  return static_cast<size_t>(
      TRY(checked(::copy_file_range(raw(from), &from_offset, raw(to), &to_offset, length, 0))));
}

Result<void> clone_file(BorrowedFd from, BorrowedFd to) {
  return checked_void(::ioctl(raw(to), FICLONE, raw(from)));
}

bool has_input(BorrowedFd fd) {
  pollfd polled = {raw(fd), POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0 && (polled.revents & POLLIN) != 0;
}

Result<int> status_flags(BorrowedFd fd) { return checked(::fcntl(raw(fd), F_GETFL)); }

Result<int> seals(BorrowedFd fd) { return checked(::fcntl(raw(fd), F_GET_SEALS)); }

Result<int> control(BorrowedFd fd, unsigned long request, void* argument) {
  return checked(::ioctl(raw(fd), request, argument));
}

}  // namespace overpass::sys
