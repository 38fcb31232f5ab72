// SPDX-License-Identifier: MIT
//
// What rules may ask of a file: a set of actions, which fits one byte.

#ifndef OVERPASS_RULES_VERDICT_H_
#define OVERPASS_RULES_VERDICT_H_

#include <cstddef>
#include <cstdint>

namespace overpass::rules {

enum class Action : uint8_t {
  Hide,      ///< The name is absent, and cannot be made.
  ReadOnly,  ///< EROFS for every change.
  Deny,      ///< EACCES for every open and listing.
  Cached,    ///< Its data are not passed through.
  Log,       ///< What is done with it is told.
};

inline constexpr size_t kActions = 5;

/// The actions that apply to one object. The empty set is what every object has without rules.
class Verdict {
 public:
  constexpr Verdict() = default;
  constexpr explicit Verdict(uint8_t bits) : bits_(bits) {}

  constexpr uint8_t bits() const { return bits_; }
  constexpr bool has(Action action) const { return (bits_ & bit(action)) != 0; }
  constexpr void add(Action action) { bits_ = static_cast<uint8_t>(bits_ | bit(action)); }
  /// All that one of the two asks for: the stricter of both.
  constexpr Verdict with(Verdict other) const {
    return Verdict(static_cast<uint8_t>(bits_ | other.bits_));
  }
  /// The part that refuses something.
  constexpr Verdict refusals() const {
    return Verdict(static_cast<uint8_t>(
        bits_ & (bit(Action::Hide) | bit(Action::ReadOnly) | bit(Action::Deny))));
  }
  constexpr bool operator==(const Verdict&) const = default;

 private:
  static constexpr uint8_t bit(Action action) {
    return static_cast<uint8_t>(1U << static_cast<unsigned>(action));
  }

  uint8_t bits_ = 0;
};

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_VERDICT_H_
