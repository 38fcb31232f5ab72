// SPDX-License-Identifier: MIT
//
// Turns a system call's -1 into a Result: the only place where errno is read. For sys/ itself.

#ifndef OVERPASS_SYS_ERRNO_RESULT_H_
#define OVERPASS_SYS_ERRNO_RESULT_H_

#include <cerrno>

#include "base/result.h"

namespace overpass::sys {

/// The value, or errno when it is negative.
template <class T>
Result<T> checked(T returned) {
  if (returned < 0) return fail(errno);
  return returned;
}

/// Nothing, or errno when the call returned a negative number.
template <class T>
Result<void> checked_void(T returned) {
  if (returned < 0) return fail(errno);
  return {};
}

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_ERRNO_RESULT_H_
