// SPDX-License-Identifier: MIT

#include "sys/shared_memory.h"

#include <sys/mman.h>

#include <cerrno>

namespace overpass::sys {

SharedMemory::~SharedMemory() {
  if (begin_ != nullptr) (void)::munmap(begin_, size_);
}

Result<SharedMemory> SharedMemory::make(size_t size) {
  void* const begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) return fail(errno);
  SharedMemory memory;
  memory.begin_ = static_cast<std::byte*>(begin);
  memory.size_ = size;
  return memory;
}

}  // namespace overpass::sys
