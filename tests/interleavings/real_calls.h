// SPDX-License-Identifier: MIT
//
// The functions behind the wraps of wraps.cpp, for what must not be wrapped.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_REAL_CALLS_H_
#define OVERPASS_TESTS_INTERLEAVINGS_REAL_CALLS_H_

// The names are the linker's (ld's --wrap).
extern "C" long __real_syscall(long number, ...);  // NOLINT

#endif  // OVERPASS_TESTS_INTERLEAVINGS_REAL_CALLS_H_
