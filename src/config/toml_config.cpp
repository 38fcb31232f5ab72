// SPDX-License-Identifier: MIT
//
// toml++ parses; this file only walks the tree and asks the option tables what a key means. A value
// becomes text (true is "on", 5 is "5") and then goes the way of a value in -o.

#include "config/toml_config.h"

// toml++ 3.3.0 asserts what a user's file may break ("[.a]", "a = ,"), and with NDEBUG lets the
// compiler assume it. With neither it goes on to an error message like any other.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "config/foreign_options.h"
#include "config/option_reader.h"
#include "config/placeholders.h"
#include "config/toml_screen.h"
#include "config/validate.h"

namespace overpass::config {

namespace {

struct Place {
  std::string_view file;
  std::string_view home;
  std::string_view name = {};  ///< The mount that is read, for placeholders.
};

/// "FILE:LINE:COLUMN: ".
std::string position(std::string_view file, const toml::source_position& at) {
  return std::string(file) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
}

std::unexpected<Problem> at(const Place& place, const toml::source_region& source,
                            const Problem& cause) {
  const Problem told = in_words_of_file(cause);
  return problem(position(place.file, source.begin) + told.cause, told.remedy);
}

/// The key by which a table inherits those of another one.
constexpr std::string_view kBase = "base";

struct Entry {
  const toml::key* key;
  const toml::node* node;
};

/// The entries of a table as they stand in the file, so that the first error is told first; the
/// table itself is sorted by key.
std::vector<Entry> in_file_order(const toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table) entries.push_back({&key, &node});
  std::sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    return left.key->source().begin < right.key->source().begin;
  });
  return entries;
}

/// A text of the file, with its placeholders filled in.
Expected<std::string> filled(const Place& place, const toml::value<std::string>& text) {
  auto value = fill_in(text.get(), place.name);
  if (!value) return at(place, text.source(), value.error());
  return value;
}

/// A scalar as it would be written in -o, or nothing for an array, a table, a date or a fraction.
/// Placeholders are not filled in.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "on" : "off";
  return std::nullopt;
}

/// A path of the file as the rest of the program wants it.
Expected<std::string> path_of(const Place& place, std::string_view key, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr) {
    return at(place, node.source(),
              {"key " + in_quotes(key) + " must be a directory in quotes", ""});
  }
  auto path = filled(place, *text);
  if (!path) return path;
  // What is filled in makes no path absolute.
  if (text->get().starts_with("~/")) return std::string(place.home) + path->substr(1);
  if (text->get().starts_with("/")) return path;
  return at(place, node.source(),
            {"key " + in_quotes(key) + " has the relative path " + in_quotes(*path),
             "begin it with '/' or '~/'"});
}

Expected<void> read_layers(const Place& place, OptionReader& reader, const OptionEntry& entry,
                           std::string_view key, const toml::node& node) {
  std::vector<std::string> layers;
  const auto* array = node.as_array();
  if (array == nullptr) {
    auto path = path_of(place, key, node);
    if (!path) return std::unexpected(path.error());
    layers.push_back(std::move(*path));
  } else {
    for (const toml::node& element : *array) {
      auto path = path_of(place, key, element);
      if (!path) return std::unexpected(path.error());
      layers.push_back(std::move(*path));
    }
  }
  auto taken = entry.kind == Kind::Layers ? reader.take_layers(key, layers)
                                          : reader.take_data_layers(key, layers);
  if (!taken) return at(place, node.source(), taken.error());
  return {};
}

/// "ACTION PATTERN", "@SET", or the path of a file. Placeholders are filled in for paths only.
Expected<RuleSource> rule_of(const Place& place, std::string_view key, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr) {
    return at(place, node.source(), {"key " + in_quotes(key) + " must be rules in quotes", ""});
  }
  const std::string& value = text->get();
  if (value.starts_with('/') || value.starts_with("~/")) {
    auto path = path_of(place, key, node);
    if (!path) return std::unexpected(path.error());
    return RuleSource{{}, std::move(*path)};
  }
  const std::string line = std::to_string(node.source().begin.line);
  return RuleSource{{value, std::string(place.file) + ":" + line}};
}

Expected<void> read_rules(const Place& place, OptionReader& reader, std::string_view key,
                          const toml::node& node) {
  const auto* array = node.as_array();
  if (array == nullptr) {
    return at(place, node.source(),
              {"key " + in_quotes(key) + " must be an array", "write [\"hide .env\", ...]"});
  }
  std::vector<RuleSource> rules;
  for (const toml::node& element : *array) {
    auto rule = rule_of(place, key, element);
    if (!rule) return std::unexpected(rule.error());
    rules.push_back(std::move(*rule));
  }
  reader.take_rules(std::move(rules));
  return {};
}

std::unexpected<Problem> unknown_key(const Place& place, const toml::key& key) {
  std::vector<std::string_view> known = option_keys();
  known.push_back(kBase);
  for (const LimitedOption& option : limited_options()) known.push_back(option.name);
  return at(place, key.source(),
            {"unknown key " + in_quotes(key.str()),
             suggest(key.str(), known, "'man overpass.toml' lists the keys")});
}

bool is_limited(std::string_view key) {
  for (const LimitedOption& option : limited_options()) {
    if (option.name == key) return true;
  }
  return false;
}

Expected<void> read_scalar(const Place& place, OptionReader& reader, const OptionEntry& entry,
                           const toml::key& key, const toml::node& node) {
  if (entry.kind == Kind::Flag && !node.is_boolean()) {
    return at(place, node.source(), {"key " + in_quotes(key.str()) + " must be true or false", ""});
  }
  const auto text = text_of(node);
  if (!text) {
    const std::string expected =
        entry.kind == Kind::Flag ? "true or false" : std::string(entry.argument);
    return at(place, node.source(),
              {"key " + in_quotes(key.str()) + " must be " + spell_choice(expected), ""});
  }
  const auto* string = node.as_string();
  const auto value = string == nullptr ? Expected<std::string>(*text) : filled(place, *string);
  if (!value) return std::unexpected(value.error());
  auto taken = reader.take(entry, key.str(), *value);
  if (!taken) return at(place, node.source(), taken.error());
  return {};
}

Expected<void> read_key(const Place& place, OptionReader& reader, const toml::key& key,
                        const toml::node& node) {
  const OptionEntry* entry = find_option_by_key(key.str());
  if (entry == nullptr) {
    if (!is_limited(key.str())) return unknown_key(place, key);
    const auto text = text_of(node);
    if (!text)
      return at(place, node.source(), {"key " + in_quotes(key.str()) + " must be a word", ""});
    auto taken = take_foreign_option(reader.options(), key.str(), *text);
    if (!taken) return at(place, node.source(), taken.error());
    return {};
  }
  if (entry->kind == Kind::Layers || entry->kind == Kind::DataLayer) {
    return read_layers(place, reader, *entry, key.str(), node);
  }
  if (entry->kind == Kind::Rules) return read_rules(place, reader, key.str(), node);
  if (entry->kind != Kind::Path) return read_scalar(place, reader, *entry, key, node);
  auto path = path_of(place, key.str(), node);
  if (!path) return std::unexpected(path.error());
  auto taken = reader.take(*entry, key.str(), *path);
  if (!taken) return at(place, node.source(), taken.error());
  return {};
}

/// The table that `table` inherits from; null if none.
Expected<const toml::table*> base_of(const Place& place, const toml::table& mounts,
                                     const toml::table& table) {
  const toml::node* node = table.get(kBase);
  if (node == nullptr) return nullptr;
  const auto* name = node->as_string();
  if (name == nullptr)
    return at(place, node->source(), {"key 'base' must be a name in quotes", ""});
  const toml::node* base = mounts.get(name->get());
  if (base != nullptr && base->is_table()) return base->as_table();
  std::vector<std::string_view> known;
  for (const auto& [key, mount] : mounts) known.push_back(key.str());
  return at(place, node->source(),
            {"no table [mount." + name->get() + "] is in this file",
             suggest(name->get(), known, "'base' names another mount of the file")});
}

/// The keys of `table` and, before them, those that it inherits and has not itself.
Expected<std::vector<Entry>> entries_of(const Place& place, const toml::table& mounts,
                                        const toml::table& table) {
  std::vector<Entry> entries;
  std::vector<const toml::table*> seen;
  for (const toml::table* from = &table; from != nullptr;) {
    if (std::find(seen.begin(), seen.end(), from) != seen.end()) {
      return at(place, from->source(),
                {"the mount inherits from itself", "correct the keys 'base'"});
    }
    seen.push_back(from);
    std::vector<Entry> own = in_file_order(*from);
    std::erase_if(own, [&](const Entry& entry) {
      const auto has_key = [&](const Entry& other) { return other.key->str() == entry.key->str(); };
      return entry.key->str() == kBase || std::any_of(entries.begin(), entries.end(), has_key);
    });
    entries.insert(entries.begin(), own.begin(), own.end());
    const auto base = base_of(place, mounts, *from);
    if (!base) return std::unexpected(base.error());
    from = *base;
  }
  return entries;
}

Expected<Options> read_mount(const Place& place, const toml::table& mounts,
                             const toml::table& table) {
  const auto entries = entries_of(place, mounts, table);
  if (!entries) return std::unexpected(entries.error());
  OptionReader reader;
  for (const auto& [key, node] : *entries) {
    if (auto ok = read_key(place, reader, *key, *node); !ok) return std::unexpected(ok.error());
  }
  return reader.options();
}

/// The instance `wanted`, made of its template; nothing if there is none, or a table of its own.
Expected<void> add_instance(Place place, const toml::table& table, std::string_view wanted,
                            NamedMounts& mounts) {
  const std::string_view from = template_of(wanted);
  if (from.empty() || mounts.contains(wanted) || !mounts.contains(from)) return {};
  place.name = wanted;
  auto options = read_mount(place, table, *table.get(from)->as_table());
  if (!options) return std::unexpected(options.error());
  mounts.emplace(wanted, std::move(*options));
  return {};
}

Expected<NamedMounts> read_mounts(Place place, const toml::table& table, std::string_view wanted) {
  NamedMounts mounts;
  for (const auto& [key, node] : in_file_order(table)) {
    const std::string_view name = key->str();
    const auto* entries = node->as_table();
    if (entries == nullptr) {
      return at(place, key->source(),
                {in_quotes(name) + " stands directly in [mount]", "write [mount.NAME] above it"});
    }
    if (name.empty() || name.find('/') != std::string_view::npos) {
      return at(place, key->source(),
                {"the mount name " + in_quotes(name) + " is empty or has a '/' in it",
                 "such an argument would be taken for a directory"});
    }
    place.name = name;
    auto options = read_mount(place, table, *entries);
    if (!options) return std::unexpected(options.error());
    mounts.emplace(name, std::move(*options));
  }
  if (auto ok = add_instance(place, table, wanted, mounts); !ok) {
    return std::unexpected(ok.error());
  }
  return mounts;
}

}  // namespace

Expected<NamedMounts> parse_toml(std::string_view text, std::string_view file,
                                 std::string_view home, std::string_view wanted) {
  const Place place{file, home};
  if (const auto stray = find_stray_character(text)) {
    return problem(position(file, {stray->line, stray->column}) +
                       "only ASCII characters may stand outside of quotes",
                   "see 'man overpass.toml'");
  }
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return problem(position(file, error.source().begin) + std::string(error.description()),
                   "see 'man overpass.toml'");
  }
  NamedMounts mounts;
  for (const auto& [key, node] : in_file_order(parsed.table())) {
    if (key->str() != "mount") {
      const std::string_view known[] = {"mount"};
      return at(place, key->source(),
                {"unknown table " + in_quotes(key->str()),
                 suggest(key->str(), known, "mounts are described by [mount.NAME]")});
    }
    const auto* table = node->as_table();
    if (table == nullptr) {
      return at(place, key->source(), {"'mount' is not a table", "write [mount.NAME]"});
    }
    auto read = read_mounts(place, *table, wanted);
    if (!read) return std::unexpected(read.error());
    mounts = std::move(*read);
  }
  return mounts;
}

}  // namespace overpass::config
