// SPDX-License-Identifier: MIT

#include "sys/shared_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/errno_result.h"
#include "sys/open.h"

namespace overpass::sys {

namespace {

/// `file` may be empty.
Result<std::byte*> map_bytes(const UniqueFd& file, size_t size) {
  const int flags = MAP_SHARED | MAP_NORESERVE | (file ? 0 : MAP_ANONYMOUS);
  void* const begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, raw(file), 0);
  if (begin == MAP_FAILED) return fail(errno);
  return static_cast<std::byte*>(begin);
}

}  // namespace

SharedMemory::~SharedMemory() {
  if (begin_ != nullptr) (void)::munmap(begin_, size_);
}

Result<SharedMemory> SharedMemory::make(size_t size) {
  UniqueFd file = open_in_memory().value_or(UniqueFd());
  if (file && ::ftruncate(raw(file), static_cast<off_t>(size)) != 0) file.reset();
  SharedMemory memory;
  memory.begin_ = TRY(map_bytes(file, size));
  memory.size_ = size;
  memory.file_ = std::move(file);
  return memory;
}

Result<SharedMemory> SharedMemory::map(UniqueFd file, size_t size) {
  struct stat stat;
  TRY(checked_void(::fstat(raw(file), &stat)));
  if (static_cast<size_t>(stat.st_size) < size) return fail(EINVAL);
  SharedMemory memory;
  memory.begin_ = TRY(map_bytes(file, size));
  memory.size_ = size;
  memory.file_ = std::move(file);
  return memory;
}

size_t SharedMemory::populate() const {
  size_t bytes = 0;
  for (off_t end = 0;;) {
    const off_t data = ::lseek(raw(file_), end, SEEK_DATA);
    if (data < 0) return bytes;
    end = ::lseek(raw(file_), data, SEEK_HOLE);
    if (end <= data) return bytes;
    const auto length = static_cast<size_t>(end - data);
    (void)::madvise(begin_ + data, length, MADV_POPULATE_WRITE);
    bytes += length;
  }
}

}  // namespace overpass::sys
