// SPDX-License-Identifier: MIT
//
// A line of mountinfo: ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS [FIELDS...] - TYPE SOURCE SUPER,
// with blank, tab, newline and backslash as three octal digits (proc(5)).

#include "cli/mount_table.h"

#include <algorithm>
#include <filesystem>

#include "config/nearest.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

constexpr size_t kRootField = 3;
constexpr size_t kMountpointField = 4;
constexpr size_t kFirstOptionalField = 6;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::string decode(std::string_view field) {
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    const bool is_escape = field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) &&
                           is_octal(field[i + 2]) && is_octal(field[i + 3]);
    if (is_escape) {
      const int code = (field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0');
      text += static_cast<char>(code);
      i += 3;
    } else {
      text += field[i];
    }
  }
  return text;
}

/// A line of mountinfo, as far as it matters here.
struct Line {
  std::string root;  ///< Which directory of the file system is mounted.
  MountAt mount;
};

std::optional<Line> read_line(std::string_view text) {
  const auto fields = split(text, ' ');
  for (size_t i = kFirstOptionalField; i + 1 < fields.size(); ++i) {
    if (fields[i] != "-") continue;
    return Line{decode(fields[kRootField]),
                {decode(fields[kMountpointField]), std::string(fields[i + 1])}};
  }
  return std::nullopt;
}

/// Without a slash at the end.
fs::path absolute_of(const std::string& path, std::error_code& error) {
  if (path.empty()) error = std::make_error_code(std::errc::no_such_file_or_directory);
  if (error) return {};
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

/// Candidates for what the mount table calls `path`, surest first. Looking at the mountpoint itself
/// fails when its daemon is dead, so its parent is resolved before it.
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path absolute = absolute_of(path, error);
  if (error) return names;
  const fs::path parent = fs::canonical(absolute.parent_path(), error);
  if (!error) names.push_back((parent / absolute.filename()).string());
  const fs::path whole = fs::canonical(absolute, error);
  if (!error) names.push_back(whole.string());
  return names;
}

/// `path` without symbolic links. What cannot be looked at, in a union whose daemon is dead or that
/// is another user's, is taken as it is written.
fs::path resolved(const std::string& path, std::error_code& error) {
  const fs::path absolute = absolute_of(path, error);
  if (error) return {};
  const fs::path whole = fs::canonical(absolute, error);
  const bool is_hidden = error == std::errc::not_connected ||
                         error == std::errc::connection_aborted ||
                         error == std::errc::permission_denied;
  if (!is_hidden) return whole;
  error.clear();
  return absolute;
}

}  // namespace

std::optional<std::string> find_mount_type(std::string_view mountinfo,
                                           std::string_view mountpoint) {
  std::optional<std::string> type;
  for (const auto text : split(mountinfo, '\n')) {
    const auto line = read_line(text);
    // A later line lies on top.
    if (line && line->mount.mountpoint == mountpoint) type = line->mount.type;
  }
  return type;
}

std::optional<MountAt> find_mount_at(std::string_view mountinfo, const std::string& path) {
  std::optional<MountAt> other;
  for (const std::string& name : names_of(path)) {
    const auto type = find_mount_type(mountinfo, name);
    if (type == kMountType) return MountAt{name, *type};
    if (type) other = MountAt{name, *type};
  }
  return other;
}

Expected<MountAt> find_mount_around(std::string_view mountinfo, const std::string& path) {
  std::error_code error;
  fs::path place = resolved(path, error);
  if (error) return problem(config::in_quotes(path) + ": " + error.message());
  for (;;) {
    if (auto found = find_mount_at(mountinfo, place.string())) return std::move(*found);
    if (!place.has_relative_path()) return MountAt{"/", ""};
    place = place.parent_path();
  }
}

std::vector<std::string> find_unions(std::string_view mountinfo) {
  std::vector<std::string> found;
  for (const auto text : split(mountinfo, '\n')) {
    const auto line = read_line(text);
    if (!line || line->root != "/" || line->mount.type != kMountType) continue;
    const std::string& mountpoint = line->mount.mountpoint;
    if (find_mount_type(mountinfo, mountpoint) != kMountType) continue;
    if (std::find(found.begin(), found.end(), mountpoint) == found.end()) {
      found.push_back(mountpoint);
    }
  }
  return found;
}

}  // namespace overpass::cli
