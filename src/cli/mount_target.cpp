// SPDX-License-Identifier: MIT
//
// A word without a slash may be a directory here and a NAME as well: what is mounted counts more
// than what could be, and the NAME more than an ordinary directory that lies in some union.

#include "cli/mount_target.h"

#include "base/nearest.h"
#include "cli/mount_table.h"
#include "cli/named_mount.h"
#include "sys/file_io.h"

namespace overpass::cli {

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
