// SPDX-License-Identifier: MIT
//
// The properties, checked with abort() so that a fuzzer takes note in builds without asserts too.

#include "targets.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "config/mount_options.h"
#include "config/option_reader.h"
#include "config/toml_config.h"
#include "config/validate.h"
#include "rules/compile.h"

namespace overpass::fuzz {

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_readable(const Problem& problem) {
  require(!problem.cause.empty());
  require(problem.line().size() < 4096);
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == ':' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

void require_path(const std::string& path) {
  require(!path.empty() && path.size() <= config::kLongestValue);
  require(path.find('\0') == std::string::npos);
}

/// The layers of `options` in the form of -o.
std::string written(const config::Options& options) {
  std::string text;
  for (const std::string& lower : options.lower) {
    text += (text.empty() ? "lowerdir=" : ":") + escaped(lower);
  }
  if (options.upper) text += ",upperdir=" + escaped(*options.upper);
  if (options.work) text += ",workdir=" + escaped(*options.work);
  return text;
}

void check_options(const config::Options& options) {
  for (const std::string& lower : options.lower) require_path(lower);
  if (options.upper) require_path(*options.upper);
  if (options.work) require_path(*options.work);
  if (const auto valid = config::validate(options); !valid) require_readable(valid.error());
}

}  // namespace

void mount_options(std::string_view text) {
  config::OptionReader reader;
  if (const auto read = config::read_mount_options(reader, text); !read) {
    require_readable(read.error());
    return;
  }
  const config::Options& options = reader.options();
  check_options(options);
  config::OptionReader again;
  require(config::read_mount_options(again, written(options)).has_value());
  require(again.options().lower == options.lower);
  require(again.options().upper == options.upper);
  require(again.options().work == options.work);
}

void toml(std::string_view text) {
  const auto mounts = config::parse_toml(text, "file.toml", "/home/user");
  if (!mounts) {
    require_readable(mounts.error());
    require(mounts.error().cause.starts_with("file.toml:"));
    return;
  }
  for (const auto& [name, options] : *mounts) {
    require(!name.empty() && name.find('/') == std::string::npos);
    check_options(options);
    for (const std::string& lower : options.lower) require(lower.starts_with("/"));
  }
}

void rules(std::string_view text) {
  const auto table = rules::compile(rules::lines_of(text, "f"));
  if (!table) return require_readable(table.error());
  for (const std::string_view path : {"a", "a/b", ".env", "x/.git/config", "[", "\xff/\\/]"}) {
    rules::Verdict verdict;
    rules::SharedProgress progress = table->at_root();
    for (std::string_view rest = path; !rest.empty();) {
      const size_t end = std::min(rest.find('/'), rest.size());
      verdict = table->judge(verdict, progress, rest.substr(0, end), end < rest.size());
      progress = table->enter(progress, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    rules::Verdict explained;
    for (const rules::Reason& reason : rules::explain(*table, path, false)) {
      if (reason.applies) explained.add(reason.action);
    }
    require(verdict == explained);
  }
}

}  // namespace overpass::fuzz
