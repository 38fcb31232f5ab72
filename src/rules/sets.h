// SPDX-License-Identifier: MIT
//
// The sets of rules that overpass ships.

#ifndef OVERPASS_RULES_SETS_H_
#define OVERPASS_RULES_SETS_H_

#include <span>
#include <string_view>
#include <vector>

#include "rules/rule_text.h"

namespace overpass::rules {

/// The rules of the set `name`, without its '@'; none for an unknown name.
std::vector<RuleText> shipped_set(std::string_view name);

/// With the '@'.
std::span<const std::string_view> set_names();

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_SETS_H_
