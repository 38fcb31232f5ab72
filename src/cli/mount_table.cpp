// SPDX-License-Identifier: MIT
//
// A line of mountinfo: ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS [FIELDS...] - TYPE SOURCE SUPER,
// with blank, tab, newline and backslash as three octal digits (proc(5)).

#include "cli/mount_table.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "cli/process.h"
#include "config/nearest.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

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

/// Candidates for what the mount table calls `path`, surest first. Looking at the mountpoint itself
/// fails when its daemon is dead, so its parent is resolved before it.
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) return names;
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // A slash at the end.
  const fs::path parent = fs::canonical(absolute.parent_path(), error);
  if (!error) names.push_back((parent / absolute.filename()).string());
  const fs::path whole = fs::canonical(absolute, error);
  if (!error) names.push_back(whole.string());
  return names;
}

}  // namespace

std::optional<std::string> find_mount_type(std::string_view mountinfo,
                                           std::string_view mountpoint) {
  std::optional<std::string> type;
  for (const auto line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() <= kFirstOptionalField) continue;
    if (decode(fields[kMountpointField]) != mountpoint) continue;
    for (size_t i = kFirstOptionalField; i + 1 < fields.size(); ++i) {
      if (fields[i] != "-") continue;
      type = std::string(fields[i + 1]);  // A later line lies on top.
      break;
    }
  }
  return type;
}

Expected<std::string> resolve_overpass_mount(const std::string& path) {
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) return problem("/proc/self/mountinfo cannot be read", "mount /proc");
  std::optional<std::string> other;
  for (const std::string& name : names_of(path)) {
    const auto type = find_mount_type(*mountinfo, name);
    if (type == kMountType) return name;
    if (type) other = type;
  }
  if (other) {
    return problem(config::in_quotes(path) + " is a mount of type " + *other + ", not of overpass",
                   "use umount(8) or the program that mounted it");
  }
  return problem(config::in_quotes(path) + " is not a mountpoint of overpass",
                 "'findmnt -t fuse.overpass' lists them");
}

}  // namespace overpass::cli
