// SPDX-License-Identifier: MIT
//
// A rule is ACTION, blanks, PATTERN.

#include "rules/compile.h"

#include <algorithm>
#include <string>

#include "base/nearest.h"
#include "rules/sets.h"

namespace overpass::rules {

namespace {

constexpr std::string_view kNames[kActions] = {"hide", "readonly", "deny", "cached", "log"};
constexpr std::string_view kBlanks = " \t";

std::string_view without_leading_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::unexpected<Problem> refused(const RuleText& rule, const Problem& why) {
  const std::string place = rule.where.empty() ? "" : rule.where + ": ";
  return problem(place + "the rule " + in_quotes(rule.text) + " is not understood: " + why.cause,
                 why.remedy);
}

Expected<Rule> read_rule(const RuleText& given) {
  const std::string_view text = without_leading_blanks(given.text);
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  for (size_t action = 0; action < kActions; ++action) {
    if (kNames[action] != word) continue;
    auto pattern = parse_pattern(without_leading_blanks(text.substr(word.size())));
    if (!pattern) return refused(given, pattern.error());
    return Rule{static_cast<Action>(action), std::move(*pattern), std::string(text), given.where};
  }
  return refused(given, {in_quotes(word) + " is no action",
                         suggest(word, kNames,
                                 "a rule is hide, readonly, deny, cached or log, "
                                 "and a pattern")});
}

Expected<void> add_rules(std::span<const RuleText> texts, std::vector<Rule>& rules) {
  for (const RuleText& text : texts) {
    if (text.text.starts_with('@')) {
      const auto set = shipped_set(text.text.substr(1));
      if (set.empty()) {
        return refused(text, {"no set of rules has this name",
                              suggest(text.text, set_names(), "the sets are @secrets and @agent")});
      }
      if (auto ok = add_rules(set, rules); !ok) return ok;
      continue;
    }
    auto rule = read_rule(text);
    if (!rule) return std::unexpected(rule.error());
    if (rules.size() == Table::kMostRules) {
      return problem("there are more than " + std::to_string(Table::kMostRules) + " rules",
                     "put patterns together");
    }
    rules.push_back(std::move(*rule));
  }
  return {};
}

}  // namespace

std::string_view name_of(Action action) { return kNames[static_cast<size_t>(action)]; }

std::vector<RuleText> lines_of(std::string_view text, std::string_view file) {
  std::vector<RuleText> rules;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = without_leading_blanks(line);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('@')) line = without_trailing_blanks(line);
    rules.push_back({std::string(line), std::string(file) + ":" + std::to_string(number)});
  }
  return rules;
}

Expected<Table> compile(std::span<const RuleText> texts) {
  std::vector<Rule> rules;
  if (auto ok = add_rules(texts, rules); !ok) return std::unexpected(ok.error());
  return Table(std::move(rules));
}

}  // namespace overpass::rules
