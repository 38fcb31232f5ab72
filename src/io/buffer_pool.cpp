// SPDX-License-Identifier: MIT
//
// Lists of free memory, one for each size.

#include "io/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <new>

namespace overpass::io {

namespace {

constexpr std::align_val_t kAligned{BufferPool::kAlignment};

/// The bytes to allocate for a buffer of `size` bytes.
size_t capacity_for(size_t size) {
  if (size > BufferPool::kLargestKept) return size;
  return std::bit_ceil(std::max(size, BufferPool::kAlignment));
}

size_t class_of(size_t capacity) {
  return static_cast<size_t>(std::countr_zero(capacity / BufferPool::kAlignment));
}

void release(char* memory) { ::operator delete(memory, kAligned); }

}  // namespace

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    reset();
    pool_ = std::exchange(other.pool_, nullptr);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

void Buffer::reset() {
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->give_back(std::exchange(bytes_, {}));
}

BufferPool::~BufferPool() {
  for (const auto& list : free_) {
    for (char* memory : list) release(memory);
  }
}

Buffer BufferPool::take(size_t size) {
  const size_t capacity = capacity_for(size);
  if (capacity <= kLargestKept) {
    Lock lock(mutex_);
    auto& list = free_[class_of(capacity)];
    if (!list.empty()) {
      char* memory = list.back();
      list.pop_back();
      kept_ -= capacity;
      return {this, {memory, size}};
    }
  }
  return {this, {static_cast<char*>(::operator new(capacity, kAligned)), size}};
}

void BufferPool::give_back(std::span<char> bytes) {
  const size_t capacity = capacity_for(bytes.size());
  if (capacity <= kLargestKept) {
    Lock lock(mutex_);
    if (kept_ + capacity <= most_kept_) {
      try {
        free_[class_of(capacity)].push_back(bytes.data());
        kept_ += capacity;
        return;
      } catch (const std::bad_alloc&) {
        // No room to remember it: it goes.
      }
    }
  }
  release(bytes.data());
}

size_t BufferPool::kept() const {
  Lock lock(mutex_);
  return kept_;
}

}  // namespace overpass::io
