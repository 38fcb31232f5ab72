// SPDX-License-Identifier: MIT
//
// Rules as they are written, into a Table.

#ifndef OVERPASS_RULES_COMPILE_H_
#define OVERPASS_RULES_COMPILE_H_

#include <span>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "rules/rule_text.h"
#include "rules/table.h"

namespace overpass::rules {

/// The rules of a file: a line each; empty lines and those that begin with '#' are none. `file` is
/// how messages name it.
std::vector<RuleText> lines_of(std::string_view text, std::string_view file);

/// Understands rules in their order. A problem names the rule, its place, and the remedy.
Expected<Table> compile(std::span<const RuleText> texts);

/// "hide", "readonly", ...
std::string_view name_of(Action action);

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_COMPILE_H_
