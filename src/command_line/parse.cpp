// SPDX-License-Identifier: MIT
//
// getopt_long(3) cuts the words; which flag it met is known by its position in the table.

#include "command_line/parse.h"

#include <getopt.h>

#include <algorithm>

#include "base/nearest.h"

namespace overpass::command_line {

namespace {

constexpr int kOperand = 1;  // getopt's value for an operand, if the short options begin with '-'.
constexpr int kFirstLong = 0x10000;  // Values of long flags: beyond all letters.

/// The table in the form of getopt_long(3).
class Parser {
 public:
  Parser(const Arguments& arguments, const Command& command)
      : command_(command), words_(arguments) {
    words_.insert(words_.begin(), std::string(command.name));
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
    for_each_flag(command, [&](const Flag& flag) { add(flag); });
    for (size_t i = 0; i < flags_.size(); ++i) {
      const int has_value = flags_[i]->argument.empty() ? no_argument : required_argument;
      long_flags_.push_back(
          {names_[i].c_str(), has_value, nullptr, kFirstLong + static_cast<int>(i)});
    }
    long_flags_.push_back({});
  }

  Expected<ParsedArguments> parse() {
    optind = 0;  // Begins anew, and reads the options of getopt itself anew.
    opterr = 0;
    const int count = static_cast<int>(words_.size());
    for (;;) {
      const int at = std::max(optind, 1);
      const int found =
          ::getopt_long(count, pointers_.data(), letters_.c_str(), long_flags_.data(), nullptr);
      if (found == -1) {
        parsed_.is_separated = optind > 1 && words_[static_cast<size_t>(optind - 1)] == "--";
        break;
      }
      auto taken = take(found, words_[static_cast<size_t>(at)]);
      if (!taken) return std::unexpected(taken.error());
      if (found == kOperand && command_.ends_at_operand) break;
    }
    for (int i = optind; i < count; ++i) parsed_.operands.push_back(words_[static_cast<size_t>(i)]);
    return std::move(parsed_);
  }

 private:
  void add(const Flag& flag) {
    flags_.push_back(&flag);
    names_.emplace_back(flag.name.substr(2));
    if (flag.letter == '\0') return;
    letters_ += flag.letter;
    if (!flag.argument.empty()) letters_ += ':';
  }

  /// `found` is what getopt_long(3) gave for `word`.
  Expected<void> take(int found, std::string_view word) {
    const bool is_long = word.starts_with("--");
    const std::string_view name = word.substr(0, is_long ? word.find('=') : word.size());
    if (found == kOperand) {
      parsed_.operands.emplace_back(optarg);
      return {};
    }
    if (found == '?' || found == ':') return refuse(found, is_long ? name : letter(optopt));
    const Flag& flag = *flag_of(found);
    if (is_long && name != flag.name) return unknown(name);
    parsed_.flags.push_back({flag.name, flag.argument.empty() ? "" : optarg});
    return {};
  }

  std::unexpected<Problem> refuse(int found, std::string_view spelling) const {
    const Flag* flag = find_flag(command_, spelling);
    if (flag == nullptr) return unknown(spelling);
    if (found == '?') return problem("option " + in_quotes(spelling) + " takes no value");
    return problem("option " + in_quotes(spelling) + " needs a value",
                   "it takes " + std::string(flag->argument));
  }

  std::unexpected<Problem> unknown(std::string_view spelling) const {
    std::vector<std::string_view> names;
    for (const Flag* flag : flags_) names.push_back(flag->name);
    return problem(
        "unknown option " + in_quotes(spelling),
        suggest(spelling, names, "'" + std::string(command_.help_call) + "' shows the options"));
  }

  const Flag* flag_of(int found) const {
    if (found >= kFirstLong) return flags_[static_cast<size_t>(found - kFirstLong)];
    return find_flag(command_, letter(found));
  }

  static std::string letter(int c) { return {'-', static_cast<char>(c)}; }

  const Command& command_;
  Arguments words_;
  std::vector<char*> pointers_;
  std::vector<const Flag*> flags_;
  std::vector<std::string> names_;
  std::vector<option> long_flags_;
  std::string letters_ = "-:";  // Operands in their place; a missing value is ':'.
  ParsedArguments parsed_;
};

}  // namespace

bool ParsedArguments::has(std::string_view name) const {
  return std::any_of(flags.begin(), flags.end(),
                     [&](const GivenFlag& flag) { return flag.name == name; });
}

Expected<ParsedArguments> parse(const Arguments& arguments, const Command& command) {
  return Parser(arguments, command).parse();
}

}  // namespace overpass::command_line
