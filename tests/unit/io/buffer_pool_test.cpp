// SPDX-License-Identifier: MIT
//
// Buffers come back, are used again, and never are more than the pool may keep.

#include "io/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

namespace overpass::io {
namespace {

TEST(BufferPool, GivesAlignedMemoryOfAnySize) {
  BufferPool pool;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, size_t{131'072},
                            BufferPool::kLargestKept, BufferPool::kLargestKept + 1}) {
    const Buffer buffer = pool.take(size);
    EXPECT_EQ(buffer.bytes().size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.bytes().data()) % BufferPool::kAlignment, 0u);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), 'x');
  }
}

TEST(BufferPool, UsesMemoryAgainForSizesOfTheSameClass) {
  BufferPool pool;
  const char* first = pool.take(5000).bytes().data();
  EXPECT_EQ(pool.kept(), 8192u);
  const Buffer again = pool.take(8000);
  EXPECT_EQ(again.bytes().data(), first);
  EXPECT_EQ(pool.kept(), 0u);
  const Buffer other = pool.take(3000);
  EXPECT_NE(other.bytes().data(), first);
}

TEST(BufferPool, KeepsNoMoreThanItMay) {
  BufferPool pool(10'000);
  {
    const Buffer one = pool.take(8192), two = pool.take(8192);
    EXPECT_EQ(pool.kept(), 0u);
  }
  EXPECT_EQ(pool.kept(), 8192u);
  BufferPool large;
  (void)large.take(BufferPool::kLargestKept + 1);
  EXPECT_EQ(large.kept(), 0u) << "what is too large goes back at once";
}

TEST(BufferPool, MovesItsBuffers) {
  BufferPool pool;
  Buffer one = pool.take(4096);
  const char* memory = one.bytes().data();
  Buffer two = std::move(one);
  EXPECT_EQ(two.bytes().data(), memory);
  two = pool.take(100);
  EXPECT_EQ(pool.kept(), 4096u) << "what it held before went back";
  two.reset();
  two.reset();
  EXPECT_TRUE(two.bytes().empty());
  EXPECT_EQ(pool.kept(), 8192u);
}

TEST(BufferPool, ServesManyThreads) {
  BufferPool pool(1 << 20);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&pool, seed] {
      std::mt19937 random(seed);
      std::vector<Buffer> held(8);
      for (int i = 0; i < 2000; ++i) {
        Buffer& buffer = held[random() % held.size()];
        const char mark = static_cast<char>(seed);
        EXPECT_TRUE(std::all_of(buffer.bytes().begin(), buffer.bytes().end(), [mark](char each) {
          return each == mark;
        })) << "no other user wrote into it";
        buffer = pool.take(random() % 20'000);
        std::fill(buffer.bytes().begin(), buffer.bytes().end(), mark);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(pool.kept(), size_t{1} << 20);
}

}  // namespace
}  // namespace overpass::io
