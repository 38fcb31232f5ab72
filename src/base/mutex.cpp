// SPDX-License-Identifier: MIT
//
// The run-time check of the lock order: one bit per rank held by this thread.

#include "base/mutex.h"

#ifndef NDEBUG

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace overpass::lock_check {

namespace {

thread_local uint32_t held_ranks = 0;

constexpr uint32_t bit(LockRank rank) { return 1U << static_cast<int>(rank); }

}  // namespace

void taking(LockRank rank, const void*) {
  if (held_ranks < bit(rank)) return;
  const auto innermost = static_cast<LockRank>(std::bit_width(held_ranks) - 1);
  std::fprintf(stderr, "overpass: lock order violated: taking %s while holding %s\n", name_of(rank),
               name_of(innermost));
  std::abort();
}

void taken(LockRank rank) { held_ranks |= bit(rank); }

void dropped(LockRank rank, const void*) { held_ranks &= ~bit(rank); }

}  // namespace overpass::lock_check

#endif  // NDEBUG
