// SPDX-License-Identifier: MIT
//
// Errors by value: an operation that can fail returns Result<T>, whose error is a positive errno
// number. ENOENT and ENODATA are ordinary answers here (every negative lookup is one), so an error
// costs no allocation and no throw.
//
// An Errno is made or unmade at three borders only: sys/ (from errno), io/ (from a completion),
// fuse/ (into a reply). Start-up code, whose errors a person reads, returns Expected<T>
// (problem.h).

#ifndef OVERPASS_BASE_RESULT_H_
#define OVERPASS_BASE_RESULT_H_

#include <cerrno>
#include <expected>
#include <utility>

namespace overpass {

/// A positive errno number. Not std::errc: libstdc++ 12 has no ESTALE or EDQUOT in it.
enum class Errno : int {};

constexpr int to_int(Errno error) { return static_cast<int>(error); }

/// Makes the error value of a Result: `return fail(EROFS);`.
constexpr std::unexpected<Errno> fail(int errno_value) {
  return std::unexpected<Errno>(static_cast<Errno>(errno_value));
}
constexpr std::unexpected<Errno> fail(Errno error) { return std::unexpected<Errno>(error); }

/// std::expected that may not be dropped silently (GCC 12's own is not [[nodiscard]]).
template <class T>
class [[nodiscard]] Result : public std::expected<T, Errno> {
 public:
  using std::expected<T, Errno>::expected;

  /// Whether this is the failure `errno_value`.
  bool failed_with(int errno_value) const {
    return !this->has_value() && this->error() == static_cast<Errno>(errno_value);
  }
};

}  // namespace overpass

/// Passes a failure on to the caller, or yields the value: `auto fd = TRY(open_beneath(...));`.
/// The only control-flow macro of the project; where an error is handled, write a plain `if`.
/// Not for an element of a braced list behind others: gcc 12 does not destroy those when the
/// failure leaves the list half made (tests/lint looks for it).
#define TRY(expression) OVERPASS_TRY_NUMBERED(expression, __COUNTER__)
#define OVERPASS_TRY_NUMBERED(expression, number) OVERPASS_TRY_NAMED(expression, number)
#define OVERPASS_TRY_NAMED(expression, number) OVERPASS_TRY_AS(expression, try_result_##number)
#define OVERPASS_TRY_AS(expression, result)              \
  __extension__({                                        \
    auto result = (expression);                          \
    if (!result) [[unlikely]]                            \
      return std::unexpected(std::move(result).error()); \
    ::overpass::detail_take(std::move(result));          \
  })

namespace overpass {

/// What TRY yields: the value, or nothing for Result<void>. Not for use by hand.
template <class R>
auto detail_take(R&& result) -> typename std::remove_reference_t<R>::value_type {
  if constexpr (!std::is_void_v<typename std::remove_reference_t<R>::value_type>) {
    return std::move(*result);
  }
}

}  // namespace overpass

#endif  // OVERPASS_BASE_RESULT_H_
