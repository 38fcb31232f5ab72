// SPDX-License-Identifier: MIT
//
// Every option that overpass itself has, once: how it is written in -o, in TOML and on the command
// line, what it takes, what it does to Options, and its line of help. Options of mount(8), libfuse,
// kernel overlayfs and fuse-overlayfs that are only understood are in foreign_options.h.

#ifndef OVERPASS_CONFIG_OPTION_TABLE_H_
#define OVERPASS_CONFIG_OPTION_TABLE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace overpass::config {

enum class Kind {
  Flag,       ///< Bare, or with a switch word (on, off, ...) as value; the last one given counts.
  Path,       ///< One path.
  Layers,     ///< Paths, topmost first: separated by colons in -o, an array in TOML.
  Layer,      ///< One path below those given so far; may be repeated.
  DataLayer,  ///< One data-only path; may be repeated, an array in TOML.
  Rules,      ///< A rule, a file of rules or a set; may be repeated, an array in TOML.
  Word,       ///< One of a few words, a number, or a text: `set` decides.
};

struct OptionEntry {
  std::string_view name;      ///< In -o. Empty: not an -o option.
  std::string_view negation;  ///< The -o spelling for "off"; may be empty.
  std::string_view key;       ///< In TOML. Empty: another entry's key says the same.
  std::string_view flag;      ///< On the command line; may be empty.
  Kind kind;
  std::string_view argument;  ///< As help shows it: "DIR", "auto|on|off", "0-1024".
  /// Takes the unescaped value; "on" or "off" for a Flag. False: not a value it knows.
  bool (*set)(Options& options, std::string_view value);
  std::string_view help;
};

std::span<const OptionEntry> option_table();

/// Options below one heading of the help and of overpass(1).
struct OptionGroup {
  std::string_view title;
  std::span<const OptionEntry> options;
};

/// The table in its order, cut into groups.
std::vector<OptionGroup> option_groups();

struct FoundOption {
  const OptionEntry* entry = nullptr;
  bool negated = false;
};

/// By spelling in -o; `entry` is null when there is none.
FoundOption find_option(std::string_view name);

/// By TOML key; null when there is none.
const OptionEntry* find_option_by_key(std::string_view key);

/// "a, b or c" for "a|b|c", as in "must be a, b or c".
std::string spell_choice(std::string_view argument);

/// Every TOML key of the table.
std::vector<std::string_view> option_keys();

/// The word for "on" or "off" behind on, yes, true, 1, off, no, false and 0; empty for others.
std::string_view switch_word(std::string_view value);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_OPTION_TABLE_H_
