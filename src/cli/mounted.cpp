// SPDX-License-Identifier: MIT
//
// A word without a slash may be a directory here and a NAME as well: what is mounted counts more
// than what could be, and the NAME more than an ordinary directory that lies in some union.

#include "cli/mounted.h"

#include <algorithm>
#include <filesystem>

#include "base/nearest.h"
#include "cli/named_mount.h"
#include "sys/file_io.h"
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

namespace {

/// Where the mount `name` of overpass.toml is mounted.
Expected<std::string> find_named(const std::string& name, const config::Options& options,
                                 std::string_view mountinfo) {
  if (options.mountpoint.empty()) {
    return problem("the mount " + in_quotes(name) + " has no key mountpoint",
                   "name the directory at which it was mounted");
  }
  const auto found = find_mount_at(mountinfo, options.mountpoint);
  if (found && found->type == kMountType) return found->mountpoint;
  return problem(
      "the mount " + in_quotes(name) + " is not mounted at " + in_quotes(options.mountpoint),
      "'overpass status' lists what is mounted");
}

std::unexpected<Problem> belongs_to(const std::string& target, const MountAt& other) {
  const std::string what = in_quotes(target);
  if (other.mountpoint == "/" || other.type.empty()) {
    return problem(what + " is not a mountpoint of overpass, and lies in none",
                   "'overpass status' lists them");
  }
  return problem(what + " is not of overpass, but of a mount of type " + other.type + " at " +
                     in_quotes(other.mountpoint),
                 "'overpass status' lists the mounts of overpass");
}

std::unexpected<Problem> neither_name_nor_path(const Context& context, const std::string& target) {
  if (find_named_sandbox(context, target)) {
    return problem(in_quotes(target) + " is a sandbox: it is mounted for its own processes alone",
                   "'overpass list' shows its state, 'overpass diff " + target +
                       "' what it changed; it ends with its last process");
  }
  const std::vector<std::string> names = known_mount_names(context);
  const std::vector<std::string_view> known(names.begin(), names.end());
  return problem(in_quotes(target) + " is neither a path here nor the NAME of a mount",
                 suggest(target, known, "'overpass status' lists what is mounted"));
}

}  // namespace

Expected<std::string> find_mount(const Context& context, const std::string& target) {
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) return problem("/proc/self/mountinfo cannot be read", "mount /proc");
  const auto exact = find_mount_at(*mountinfo, target);
  if (exact && exact->type == kMountType) return exact->mountpoint;
  if (may_be_name(target)) {
    const auto named = find_named_mount(context, target);
    if (!named) return std::unexpected(named.error());
    if (*named) return find_named(target, (*named)->options, *mountinfo);
  }
  if (exact) {
    return problem(in_quotes(target) + " is a mount of type " + exact->type + ", not of overpass",
                   "use umount(8) or the program that mounted it");
  }
  const auto around = find_mount_around(*mountinfo, target);
  if (!around && may_be_name(target)) return neither_name_nor_path(context, target);
  if (!around) return std::unexpected(around.error());
  if (around->type == kMountType) return around->mountpoint;
  return belongs_to(target, *around);
}

}  // namespace overpass::cli
