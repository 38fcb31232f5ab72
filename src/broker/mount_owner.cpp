// SPDX-License-Identifier: MIT

#include "broker/mount_owner.h"

#include <array>

#include "base/number.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"

namespace overpass::broker {

namespace {

constexpr size_t kLongestLine = 16384;

}  // namespace

std::string read_text(BorrowedFd fd) {
  std::array<char, 4096> buffer;
  const auto size = sys::read_at(fd, buffer, 0);
  return size ? std::string(buffer.data(), *size) : std::string();
}

void for_each_line(BorrowedFd fd, const std::function<bool(std::string_view)>& take) {
  std::array<char, 8192> buffer;
  std::string line;
  bool is_too_long = false;
  off_t offset = 0;
  while (offset < static_cast<off_t>(kMostText)) {
    const auto size = sys::read_at(fd, buffer, offset);
    if (!size || *size == 0) return;
    offset += static_cast<off_t>(*size);
    std::string_view rest(buffer.data(), *size);
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      line += rest.substr(0, end);
      is_too_long = is_too_long || line.size() > kLongestLine;
      if (is_too_long) line.clear();
      if (end == std::string_view::npos) break;
      if (!is_too_long && !take(line)) return;
      line.clear();
      is_too_long = false;
      rest.remove_prefix(end + 1);
    }
  }
}

namespace {

/// The next word of a text with blanks of any kind and number between words.
std::string_view next_word(std::string_view& text) {
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
  return number_of<uint32_t>(next_word(fdinfo));
}

std::optional<uint32_t> fuse_mount_owner(const sys::MountLine& mount, uint32_t connection) {
  const std::string_view device = mount.device;
  const bool is_sought =
      device.starts_with("0:") && number_of<uint32_t>(device.substr(2)) == connection;
  if (!is_sought || !is_fuse(mount.type)) return std::nullopt;
  constexpr std::string_view kKey = "user_id=";
  for (std::string_view rest = mount.super_options; !rest.empty();) {
    const std::string_view option = sys::cut_word(rest, ',');
    if (option.starts_with(kKey)) return number_of<uint32_t>(option.substr(kKey.size()));
  }
  return std::nullopt;
}

std::optional<uid_t> outside_uid(std::string_view uid_map, uint32_t inside) {
  while (true) {
    const auto first = number_of<uint32_t>(next_word(uid_map));
    const auto outside = number_of<uint32_t>(next_word(uid_map));
    const auto count = number_of<uint32_t>(next_word(uid_map));
    if (!first || !outside || !count) return std::nullopt;
    if (inside >= *first && inside - *first < *count) return *outside + (inside - *first);
  }
}

}  // namespace overpass::broker
