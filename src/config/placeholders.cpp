// SPDX-License-Identifier: MIT

#include "config/placeholders.h"

#include "base/nearest.h"

namespace overpass::config {

namespace {

/// What %i stands for. A template is read as if its instance were called "instance", so that its
/// mistakes are found before there is one.
std::string_view instance_of(std::string_view name) {
  return is_template(name) ? "instance" : name.substr(name.find('@') + 1);
}

Expected<std::string_view> meaning_of(char placeholder, std::string_view name) {
  if (placeholder == '%') return "%";
  if (placeholder == 'n') return name;
  if (placeholder != 'i') {
    return problem("unknown placeholder " + in_quotes(std::string("%") + placeholder),
                   "there are %n, %i and, for a percent sign, %%");
  }
  if (!name.contains('@')) {
    return problem("%i has no meaning in a mount without an '@' in its name",
                   "call the table [mount.\"" + std::string(name) + "@\"], or write %n");
  }
  return instance_of(name);
}

}  // namespace

bool is_template(std::string_view name) { return name.ends_with('@'); }

std::string_view template_of(std::string_view name) {
  const size_t at = name.find('@');
  if (at == std::string_view::npos || is_template(name)) return "";
  return name.substr(0, at + 1);
}

Expected<std::string> fill_in(std::string_view value, std::string_view name) {
  std::string text;
  for (size_t percent = value.find('%'); percent != std::string_view::npos;
       percent = value.find('%')) {
    text += value.substr(0, percent);
    if (percent + 1 == value.size()) {
      return problem("a percent sign stands at the end of " + in_quotes(value),
                     "write %% for a percent sign");
    }
    const auto meaning = meaning_of(value[percent + 1], name);
    if (!meaning) return std::unexpected(meaning.error());
    // A path would lead elsewhere.
    if (*meaning == "." || *meaning == "..") {
      return problem(in_quotes(*meaning) + " cannot be filled in for a placeholder", "");
    }
    text += *meaning;
    value.remove_prefix(percent + 2);
  }
  return text + std::string(value);
}

}  // namespace overpass::config
