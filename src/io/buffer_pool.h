// SPDX-License-Identifier: MIT
//
// Memory that transfers go to and come from: aligned for direct I/O, not cleared, and kept for the
// next one, since fresh memory of this size costs a page fault per page and a system call each
// time.

#ifndef OVERPASS_IO_BUFFER_POOL_H_
#define OVERPASS_IO_BUFFER_POOL_H_

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace overpass::io {

class BufferPool;

/// Owner of a piece of memory, which goes back to its pool at the end. May be empty.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { reset(); }

  /// The bytes that were asked for.
  std::span<char> bytes() const { return bytes_; }
  void reset();

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, std::span<char> bytes) : pool_(pool), bytes_(bytes) {}

  BufferPool* pool_ = nullptr;
  std::span<char> bytes_;
};

/// Sizes are rounded up to powers of two from a page on; what is larger than the largest kept size
/// comes from the system and goes back there. Outlives its buffers.
/// Threads: any.
class BufferPool {
 public:
  static constexpr size_t kAlignment = 4096;
  static constexpr size_t kLargestKept = size_t{1} << 20;

  /// Keeps at most `most_kept` unused bytes.
  explicit BufferPool(size_t most_kept = size_t{16} << 20) : most_kept_(most_kept) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  /// `size` bytes of any content, at an address that is a multiple of kAlignment. Throws
  /// std::bad_alloc when there is no memory. `size` may be 0.
  Buffer take(size_t size);

  /// Bytes that are kept and not in use.
  size_t kept() const;

 private:
  friend class Buffer;
  static constexpr size_t kClasses = 9;  ///< 4 KiB, 8 KiB, ... 1 MiB.

  void give_back(std::span<char> bytes);

  const size_t most_kept_;
  mutable Mutex<LockRank::Queue> mutex_;
  std::array<std::vector<char*>, kClasses> free_ GUARDED_BY(
      mutex_);  ///< By size; last in first out.
  size_t kept_ GUARDED_BY(mutex_) = 0;
};

}  // namespace overpass::io

#endif  // OVERPASS_IO_BUFFER_POOL_H_
