// SPDX-License-Identifier: MIT
//
// One pass cuts the text into elements, a second understands each. Nothing here knows an option by
// name; the tables do.

#include "config/mount_options.h"

#include "base/nearest.h"
#include "config/foreign_options.h"

namespace overpass::config {

namespace {

/// "name" or "name=value", still escaped; a quoted value is without its quotes.
struct Element {
  std::string_view name;
  std::optional<std::string_view> value;
};

/// The position of the first of `wanted` at or after `from` that no backslash precedes, or the end.
size_t find_unescaped(std::string_view text, char wanted, size_t from) {
  for (size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == wanted) {
      return i;
    }
  }
  return text.size();
}

/// Cuts the first element off `rest`, and the comma after it.
Expected<Element> cut_element(std::string_view& rest) {
  const size_t name_end = rest.find_first_of(",=");
  Element element;
  element.name = rest.substr(0, name_end);
  size_t end = name_end == std::string_view::npos ? rest.size() : name_end;
  if (end < rest.size() && rest[end] == '=') {
    const size_t begin = end + 1;
    if (begin < rest.size() && rest[begin] == '"') {
      const size_t quote = find_unescaped(rest, '"', begin + 1);
      const bool closed = quote < rest.size();
      if (!closed || (quote + 1 < rest.size() && rest[quote + 1] != ',')) {
        return problem("the value of option " + in_quotes(element.name) + " has an unbalanced '\"'",
                       "end the value with '\"', or write '\\\"' for a quote in a name");
      }
      element.value = rest.substr(begin + 1, quote - begin - 1);
      end = quote + 1;
    } else {
      end = find_unescaped(rest, ',', begin);
      element.value = rest.substr(begin, end - begin);
    }
  }
  rest.remove_prefix(end < rest.size() ? end + 1 : rest.size());
  return element;
}

std::unexpected<Problem> unknown_option(std::string_view name) {
  std::vector<std::string_view> known = foreign_names();
  for (const OptionEntry& entry : option_table()) {
    if (!entry.name.empty()) known.push_back(entry.name);
    if (!entry.negation.empty()) known.push_back(entry.negation);
  }
  return problem("unknown mount option " + in_quotes(name),
                 suggest(name, known, "'overpass help mount' lists the options"));
}

Expected<void> read_layers(OptionReader& reader, const Element& element) {
  auto layers = split_layers(element.name, element.value.value_or(""));
  if (!layers) return std::unexpected(layers.error());
  if (auto ok = reader.take_layers(element.name, layers->lower); !ok) return ok;
  return reader.take_data_layers(element.name, layers->data_only);
}

Expected<void> read_element(OptionReader& reader, const Element& element) {
  const FoundOption found = find_option(element.name);
  if (found.entry == nullptr) {
    auto taken = take_foreign_option(reader.options(), element.name, element.value);
    if (!taken) return std::unexpected(taken.error());
    if (!*taken) return unknown_option(element.name);
    return {};
  }
  if (found.entry->kind == Kind::Layers) {
    return read_layers(reader, element);
  }
  if (!element.value) return reader.take(*found.entry, element.name, std::nullopt, found.negated);
  const std::string value = unescape(*element.value);
  if (element.name != "fsync") return reader.take(*found.entry, element.name, value, found.negated);
  const auto word = fsync_word(value);
  if (!word) return std::unexpected(word.error());
  return reader.take(*found.entry, element.name, *word, found.negated);
}

}  // namespace

Expected<void> read_mount_options(OptionReader& reader, std::string_view text) {
  while (!text.empty()) {
    auto element = cut_element(text);
    if (!element) return std::unexpected(element.error());
    if (element->name.empty() && !element->value) continue;
    if (auto ok = read_element(reader, *element); !ok) return ok;
  }
  return {};
}

Expected<std::vector<WrittenOption>> split_mount_options(std::string_view text) {
  std::vector<WrittenOption> options;
  while (!text.empty()) {
    const std::string_view before = text;
    const auto element = cut_element(text);
    if (!element) return std::unexpected(element.error());
    std::string_view written = before.substr(0, before.size() - text.size());
    if (!text.empty() || written.ends_with(',')) written.remove_suffix(1);
    if (!element->name.empty() || element->value) options.push_back({element->name, written});
  }
  return options;
}

bool is_mount_option(std::string_view name) {
  if (find_option(name).entry != nullptr) return true;
  Options unused;
  const auto taken = take_foreign_option(unused, name, std::nullopt);
  return !taken || *taken;
}

Expected<LayerList> split_layers(std::string_view spelling, std::string_view value) {
  LayerList layers;
  bool is_data_only = false;
  for (size_t begin = 0; begin < value.size() || is_data_only;) {
    const size_t end = find_unescaped(value, ':', begin);
    std::string path = unescape(value.substr(begin, end - begin));
    if (path.empty() || end + 1 == value.size()) {
      return problem("option " + in_quotes(spelling) + " has an empty element",
                     "put ':' between directories and '::' before each data-only one; a colon in "
                     "a name is '\\:'");
    }
    if (!is_data_only && !layers.data_only.empty()) {
      return problem("option " + in_quotes(spelling) + " has the lower directory " +
                         in_quotes(path) + " after a data-only one",
                     "put all lower directories first, and '::' before each data-only one");
    }
    (is_data_only ? layers.data_only : layers.lower).push_back(std::move(path));
    begin = end + 1;
    is_data_only = begin < value.size() && value[begin] == ':';
    if (is_data_only) ++begin;
  }
  return layers;
}

std::string unescape(std::string_view value) {
  std::string text;
  text.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    text += value[i];
  }
  return text;
}

}  // namespace overpass::config
