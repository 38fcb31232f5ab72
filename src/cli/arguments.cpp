// SPDX-License-Identifier: MIT
//
// A walk over the arguments; the only state is the position.

#include "cli/arguments.h"

#include <algorithm>
#include <iomanip>

#include "config/nearest.h"

namespace overpass::cli {

namespace {

class Walk {
 public:
  Walk(const Arguments& arguments, std::span<const Flag> known)
      : arguments_(arguments), known_(known) {}

  Expected<ParsedArguments> parse() {
    bool only_operands = false;
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_++];
      if (only_operands || argument.size() < 2 || argument[0] != '-') {
        parsed_.operands.push_back(argument);
      } else if (argument == "--") {
        only_operands = true;
      } else {
        auto ok = argument[1] == '-' ? take_long(argument) : take_letters(argument);
        if (!ok) return std::unexpected(ok.error());
      }
    }
    return std::move(parsed_);
  }

 private:
  Expected<void> take_long(std::string_view argument) {
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const auto flag =
        std::find_if(known_.begin(), known_.end(), [&](const Flag& f) { return f.name == name; });
    if (flag == known_.end()) return unknown(name);
    if (flag->argument.empty()) {
      if (equals != std::string_view::npos) {
        return problem("option " + config::in_quotes(name) + " takes no value");
      }
      parsed_.flags.push_back({flag->name, ""});
      return {};
    }
    if (equals == std::string_view::npos) return take_next(*flag, name);
    parsed_.flags.push_back({flag->name, std::string(argument.substr(equals + 1))});
    return {};
  }

  /// "-fd", or "-oVALUE" with the value up to the end.
  Expected<void> take_letters(std::string_view argument) {
    for (size_t i = 1; i < argument.size(); ++i) {
      const std::string name = std::string("-") + argument[i];
      const auto flag = std::find_if(known_.begin(), known_.end(),
                                     [&](const Flag& f) { return f.letter == argument[i]; });
      if (flag == known_.end()) return unknown(name);
      if (flag->argument.empty()) {
        parsed_.flags.push_back({flag->name, ""});
        continue;
      }
      if (i + 1 == argument.size()) return take_next(*flag, name);
      parsed_.flags.push_back({flag->name, std::string(argument.substr(i + 1))});
      return {};
    }
    return {};
  }

  Expected<void> take_next(const Flag& flag, std::string_view spelling) {
    if (next_ == arguments_.size()) {
      return problem("option " + config::in_quotes(spelling) + " needs a value",
                     "it takes " + std::string(flag.argument));
    }
    parsed_.flags.push_back({flag.name, arguments_[next_++]});
    return {};
  }

  std::unexpected<Problem> unknown(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Flag& flag : known_) names.push_back(flag.name);
    return problem("unknown option " + config::in_quotes(name),
                   config::suggest(name, names, "'overpass help' shows the options"));
  }

  const Arguments& arguments_;
  std::span<const Flag> known_;
  size_t next_ = 0;
  ParsedArguments parsed_;
};

}  // namespace

bool ParsedArguments::has(std::string_view name) const {
  return std::any_of(flags.begin(), flags.end(),
                     [&](const GivenFlag& flag) { return flag.name == name; });
}

Expected<ParsedArguments> parse_arguments(const Arguments& arguments, std::span<const Flag> known) {
  return Walk(arguments, known).parse();
}

void print_flags(std::ostream& out, std::span<const Flag> flags) {
  for (const Flag& flag : flags) {
    std::string left = flag.letter == '\0' ? "    " : std::string("-") + flag.letter + ", ";
    left += flag.name;
    if (!flag.argument.empty()) left += " " + std::string(flag.argument);
    out << "  " << std::left << std::setw(24) << left << " " << flag.help << "\n";
  }
}

}  // namespace overpass::cli
