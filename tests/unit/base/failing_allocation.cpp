// SPDX-License-Identifier: MIT
//
// Takes the place of operator new in the program that this is linked into.

#include "failing_allocation.h"

#include <cstdlib>

namespace {

/// How many allocations of this thread are left until the one that fails; 0 for none.
thread_local size_t left = 0;

}  // namespace

void* operator new(size_t size) {
  if (left != 0 && --left == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}

void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace overpass::unit {

FailingAllocation::FailingAllocation(size_t nth) { left = nth; }

FailingAllocation::~FailingAllocation() { left = 0; }

bool FailingAllocation::has_failed() const { return left == 0; }

}  // namespace overpass::unit
