// SPDX-License-Identifier: MIT
//
// A rule as it was written, and where: what options and files give, before it is understood.

#ifndef OVERPASS_RULES_RULE_TEXT_H_
#define OVERPASS_RULES_RULE_TEXT_H_

#include <string>

namespace overpass::rules {

struct RuleText {
  std::string text;   ///< "ACTION PATTERN", or "@SET" for a shipped set.
  std::string where;  ///< "FILE:LINE" or the option that gave it, for messages.
  bool operator==(const RuleText&) const = default;
};

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_RULE_TEXT_H_
