// SPDX-License-Identifier: MIT
//
// Memory that a process has in common with its children, and that outlives it with them.

#ifndef OVERPASS_SYS_SHARED_MEMORY_H_
#define OVERPASS_SYS_SHARED_MEMORY_H_

#include <cstddef>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// `bytes`, rounded up to pages.
constexpr size_t whole_pages(size_t bytes) {
  constexpr size_t kPage = 4096;
  return (bytes + kPage - 1) / kPage * kPage;
}

/// Owns the mapping in this process. Threads: as a pointer.
class SharedMemory {
 public:
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept
      : file_(std::move(other.file_)),
        begin_(std::exchange(other.begin_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SharedMemory();

  /// `size` bytes of zeros, at a page's begin. A page costs memory from its first store on. ENOMEM.
  static Result<SharedMemory> make(size_t size);

  /// What another program has made, by its file. EINVAL if it has less than `size` bytes; ENOMEM.
  static Result<SharedMemory> map(UniqueFd file, size_t size);

  std::byte* begin() const { return begin_; }

  /// Maps what has been stored so far into this process now, so that its first use costs no page
  /// faults. How many bytes that is; 0 without a file. Best effort.
  size_t populate() const;

  /// For a program that is to map it. Empty where the limit of file sizes (RLIMIT_FSIZE) allows no
  /// such file: then only children have the memory.
  BorrowedFd file() const { return file_; }

 private:
  UniqueFd file_;
  std::byte* begin_ = nullptr;
  size_t size_ = 0;
};

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_SHARED_MEMORY_H_
