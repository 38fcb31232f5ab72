// SPDX-License-Identifier: MIT
//
// A 32 KiB buffer filled by getdents64(2).

#include "sys/directory_stream.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

constexpr size_t kBufferSize = 32 * 1024;

struct KernelEntry {  // struct linux_dirent64 of getdents64(2).
  uint64_t ino;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];  // Its true length follows from `length`.
};

}  // namespace

DirectoryStream::DirectoryStream(BorrowedFd fd)
    : fd_(fd), buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)) {}

Result<std::optional<DirectoryEntry>> DirectoryStream::next() {
  if (position_ >= filled_) {
    const long length =
        TRY(checked(::syscall(SYS_getdents64, raw(fd_), buffer_.get(), kBufferSize)));
    position_ = 0;
    filled_ = static_cast<size_t>(length);
    if (length == 0) return std::optional<DirectoryEntry>();
  }
  const auto* entry = reinterpret_cast<const KernelEntry*>(buffer_.get() + position_);
  position_ += entry->length;
  return std::optional(DirectoryEntry{entry->ino, entry->offset, entry->type,
                                      static_cast<const char*>(entry->name)});
}

Result<void> DirectoryStream::seek(int64_t offset) {
  position_ = filled_ = 0;
  return checked_void(::lseek(raw(fd_), offset, SEEK_SET));
}

}  // namespace overpass::sys
