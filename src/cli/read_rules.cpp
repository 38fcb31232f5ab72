// SPDX-License-Identifier: MIT
//
// The daemon may no longer see a file when it would need it, so none is read later than here.

#include "cli/read_rules.h"

#include <cstring>

#include "base/nearest.h"
#include "rules/compile.h"
#include "sys/file_io.h"

namespace overpass::cli {

Expected<rules::Table> read_rules(config::Options& options) {
  std::vector<config::RuleSource> all;
  std::vector<rules::RuleText> texts;
  for (config::RuleSource& source : options.rules) {
    if (source.file.empty()) {
      all.push_back(std::move(source));
      continue;
    }
    const auto text = sys::read_file(source.file);
    if (!text) {
      return problem("the rules in " + in_quotes(source.file) +
                         " cannot be read: " + std::strerror(to_int(text.error())),
                     "correct the path, or its permissions");
    }
    for (rules::RuleText& rule : rules::lines_of(*text, source.file)) {
      all.push_back({std::move(rule)});
    }
  }
  for (const config::RuleSource& source : all) texts.push_back(source.rule);
  auto table = rules::compile(texts);
  if (!table) return std::unexpected(table.error());
  options.rules = std::move(all);
  return table;
}

}  // namespace overpass::cli
