// SPDX-License-Identifier: MIT
//
// One option at a time into Options, whichever way it was written: the checks that -o, the command
// line and TOML share. What escapes and quotes mean is the caller's; values come unescaped.

#ifndef OVERPASS_CONFIG_OPTION_READER_H_
#define OVERPASS_CONFIG_OPTION_READER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "config/option_table.h"

namespace overpass::config {

/// The longest path that the kernel takes (PATH_MAX less its end), and the longest other value.
constexpr size_t kLongestValue = 4095;

/// Reads options from one source after another; later ones win over `defaults` only, so that an
/// option given twice in one reading is an error.
class OptionReader {
 public:
  OptionReader() = default;
  explicit OptionReader(Options defaults) : options_(std::move(defaults)) {}

  /// Takes a value for an option of the table; `spelling` names it in messages. No value is "on"
  /// for a flag. Not for Kind::Layers.
  Expected<void> take(const OptionEntry& entry, std::string_view spelling,
                      std::optional<std::string_view> value, bool negated = false);

  /// Takes all lower directories at once.
  Expected<void> take_layers(std::string_view spelling, const std::vector<std::string>& layers);

  /// Takes data-only directories, below those given so far.
  Expected<void> take_data_layers(std::string_view spelling,
                                  const std::vector<std::string>& layers);

  /// Takes rules behind those given so far.
  void take_rules(std::vector<RuleSource> rules);

  Options& options() { return options_; }

 private:
  Expected<void> note_given(const OptionEntry& entry, std::string_view spelling);

  Options options_;
  std::vector<const OptionEntry*> given_;  ///< Those that may be given once, and were.
};

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_OPTION_READER_H_
