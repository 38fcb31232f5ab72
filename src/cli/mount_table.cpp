// SPDX-License-Identifier: MIT

#include "cli/mount_table.h"

#include <algorithm>
#include <filesystem>

#include "base/nearest.h"
#include "sys/mountinfo.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

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
  sys::for_each_mount(mountinfo, [&](const sys::MountLine& line) {
    // A later line lies on top.
    if (sys::without_escapes(line.mountpoint) == mountpoint) type = line.type;
  });
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
  if (error) return problem(in_quotes(path) + ": " + error.message());
  for (;;) {
    if (auto found = find_mount_at(mountinfo, place.string())) return std::move(*found);
    if (!place.has_relative_path()) return MountAt{"/", ""};
    place = place.parent_path();
  }
}

std::vector<std::string> find_unions(std::string_view mountinfo) {
  std::vector<std::string> found;
  sys::for_each_mount(mountinfo, [&](const sys::MountLine& line) {
    if (line.root != "/" || line.type != kMountType) return;
    std::string mountpoint = sys::without_escapes(line.mountpoint);
    if (find_mount_type(mountinfo, mountpoint) != kMountType) return;
    if (std::find(found.begin(), found.end(), mountpoint) == found.end()) {
      found.push_back(std::move(mountpoint));
    }
  });
  return found;
}

}  // namespace overpass::cli
