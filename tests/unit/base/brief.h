// SPDX-License-Identifier: MIT
//
// Tests that do less on builds that take long (docs/testing.md, "Three forms").

#ifndef OVERPASS_TESTS_UNIT_BASE_BRIEF_H_
#define OVERPASS_TESTS_UNIT_BASE_BRIEF_H_

#include <cstdlib>
#include <string_view>

namespace overpass::unit {

/// Whether this is a run with OVERPASS_TESTS_BRIEF=1, unless it is the long form.
inline bool is_brief() {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && std::string_view(value) == "1";
  };
  return is_set("OVERPASS_TESTS_BRIEF") && !is_set("OVERPASS_TESTS_LONG");
}

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_BASE_BRIEF_H_
