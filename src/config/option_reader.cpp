// SPDX-License-Identifier: MIT
//
// Every message names the option as the user spelt it.

#include "config/option_reader.h"

#include <algorithm>

#include "base/nearest.h"

namespace overpass::config {

namespace {

std::unexpected<Problem> missing_value(std::string_view spelling, std::string_view argument) {
  return problem("option " + in_quotes(spelling) + " needs a value",
                 "it takes " + spell_choice(argument));
}

Expected<void> check_value(std::string_view spelling, std::string_view argument,
                           std::string_view value) {
  if (value.empty()) return missing_value(spelling, argument);
  if (value.size() > kLongestValue) {
    return problem("the value of option " + in_quotes(spelling) + " is " +
                       std::to_string(value.size()) + " bytes long",
                   "the limit is " + std::to_string(kLongestValue));
  }
  if (value.find('\0') != std::string_view::npos) {
    return problem("the value of option " + in_quotes(spelling) + " contains a NUL byte");
  }
  return {};
}

Expected<void> take_flag(Options& options, const OptionEntry& entry, std::string_view spelling,
                         std::optional<std::string_view> value, bool negated) {
  const std::string_view word = switch_word(value.value_or("on"));
  if (word.empty()) {
    return problem("option " + in_quotes(spelling) + " must be on or off, not " +
                   in_quotes(*value));
  }
  const bool on = (word == "on") != negated;
  (void)entry.set(options, on ? "on" : "off");  // A flag's setter knows both words.
  return {};
}

}  // namespace

Expected<void> OptionReader::note_given(const OptionEntry& entry, std::string_view spelling) {
  if (std::find(given_.begin(), given_.end(), &entry) != given_.end()) {
    return problem("option " + in_quotes(spelling) + " is given twice", "give it once");
  }
  given_.push_back(&entry);
  return {};
}

Expected<void> OptionReader::take(const OptionEntry& entry, std::string_view spelling,
                                  std::optional<std::string_view> value, bool negated) {
  if (entry.kind == Kind::Flag) return take_flag(options_, entry, spelling, value, negated);
  if (!value) return missing_value(spelling, entry.argument);
  if (auto ok = check_value(spelling, entry.argument, *value); !ok) return ok;
  if (entry.kind == Kind::Layer && !options_.data_only.empty()) {
    return problem("option " + in_quotes(spelling) + " is given after data-only directories",
                   "give all lower directories before the first data-only one");
  }
  const bool may_be_repeated =
      entry.kind == Kind::Layer || entry.kind == Kind::DataLayer || entry.kind == Kind::Rules;
  if (!may_be_repeated) {
    if (auto ok = note_given(entry, spelling); !ok) return ok;
  }
  if (!entry.set(options_, *value)) {
    return problem("option " + in_quotes(spelling) + " must be " + spell_choice(entry.argument) +
                   ", not " + in_quotes(*value));
  }
  return {};
}

Expected<void> OptionReader::take_layers(std::string_view spelling,
                                         const std::vector<std::string>& layers) {
  if (!options_.lower.empty()) {
    return problem("option " + in_quotes(spelling) + " is given after other lower directories",
                   "give it once, and more with lowerdir+ or --lower after it");
  }
  if (layers.empty()) return missing_value(spelling, "DIR");
  for (const std::string& layer : layers) {
    if (auto ok = check_value(spelling, "DIR", layer); !ok) return ok;
    options_.lower.push_back(layer);
  }
  return {};
}

Expected<void> OptionReader::take_data_layers(std::string_view spelling,
                                              const std::vector<std::string>& layers) {
  for (const std::string& layer : layers) {
    if (auto ok = check_value(spelling, "DIR", layer); !ok) return ok;
    options_.data_only.push_back(layer);
  }
  return {};
}

void OptionReader::take_rules(std::vector<RuleSource> rules) {
  for (RuleSource& rule : rules) options_.rules.push_back(std::move(rule));
}

}  // namespace overpass::config
