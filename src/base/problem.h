// SPDX-License-Identifier: MIT
//
// A start-up failure as a person reads it: one line that names the cause and one that says what to
// do about it. Used by config/, layer opening, mounting and cli/; never while serving requests.

#ifndef OVERPASS_BASE_PROBLEM_H_
#define OVERPASS_BASE_PROBLEM_H_

#include <expected>
#include <string>
#include <utility>

namespace overpass {

struct Problem {
  std::string cause;   ///< "lower directory '/x' does not exist"; no trailing period.
  std::string remedy;  ///< "create it or correct lowerdir="; may be empty.

  /// "cause (remedy)", the one line that is printed.
  std::string line() const { return remedy.empty() ? cause : cause + " (" + remedy + ")"; }
};

template <class T>
using Expected = std::expected<T, Problem>;

inline std::unexpected<Problem> problem(std::string cause, std::string remedy = {}) {
  return std::unexpected<Problem>(Problem{std::move(cause), std::move(remedy)});
}

}  // namespace overpass

#endif  // OVERPASS_BASE_PROBLEM_H_
