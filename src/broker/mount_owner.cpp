// SPDX-License-Identifier: MIT
//
// mountinfo, as proc(5) describes it:
//   ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS
// Blanks within a field are escaped, so that what a user may choose (mountpoint, source, subtype)
// cannot look like another field.

#include "broker/mount_owner.h"

#include "base/number.h"

namespace overpass::broker {

namespace {

std::string_view cut_word(std::string_view& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  text.remove_prefix(begin == std::string_view::npos ? text.size() : begin);
  const size_t end = text.find_first_of(" \t\n");
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(word.size());
  return word;
}

bool is_fuse(std::string_view type) { return type == "fuse" || type.starts_with("fuse."); }

}  // namespace

std::optional<uint32_t> connection_of(std::string_view fdinfo) {
  constexpr std::string_view kKey = "fuse_connection:";
  const size_t at = fdinfo.find(kKey);
  if (at == std::string_view::npos || (at > 0 && fdinfo[at - 1] != '\n')) return std::nullopt;
  fdinfo.remove_prefix(at + kKey.size());
  return number_of<uint32_t>(cut_word(fdinfo));
}

std::optional<uint32_t> fuse_mount_owner(std::string_view line, uint32_t connection) {
  (void)cut_word(line);
  (void)cut_word(line);
  const std::string_view device = cut_word(line);
  if (!device.starts_with("0:") || number_of<uint32_t>(device.substr(2)) != connection)
    return std::nullopt;
  for (std::string_view word = cut_word(line); word != "-"; word = cut_word(line)) {
    if (word.empty()) return std::nullopt;
  }
  if (!is_fuse(cut_word(line))) return std::nullopt;
  (void)cut_word(line);
  std::string_view options = cut_word(line);
  constexpr std::string_view kKey = "user_id=";
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(option.size() < options.size() ? option.size() + 1 : option.size());
    if (option.starts_with(kKey)) return number_of<uint32_t>(option.substr(kKey.size()));
  }
  return std::nullopt;
}

std::string_view mountpoint_of(std::string_view line) {
  for (int field = 0; field < 4; ++field) (void)cut_word(line);
  return cut_word(line);
}

std::optional<uid_t> outside_uid(std::string_view uid_map, uint32_t inside) {
  while (true) {
    const auto first = number_of<uint32_t>(cut_word(uid_map));
    const auto outside = number_of<uint32_t>(cut_word(uid_map));
    const auto count = number_of<uint32_t>(cut_word(uid_map));
    if (!first || !outside || !count) return std::nullopt;
    if (inside >= *first && inside - *first < *count) return *outside + (inside - *first);
  }
}

}  // namespace overpass::broker
