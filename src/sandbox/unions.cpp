// SPDX-License-Identifier: MIT

#include "sandbox/unions.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "base/nearest.h"
#include "sys/attributes.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::sandbox {

namespace {

constexpr char kUpper[] = "upper";
constexpr char kNew[] = "upper.new";
constexpr char kWork[] = "work";

/// Those of the union's format belong to the layer that has them.
Result<void> copy_xattrs(sys::Place from, sys::Place to) {
  const auto names = sys::list_xattrs(from);
  if (names.failed_with(EOPNOTSUPP)) return {};
  for (const std::string& name : TRY(names)) {
    if (name.find(".overlay.") != std::string::npos) continue;
    const auto value = sys::get_xattr(from, name.c_str());
    // What this user may neither read nor set is not shown by a copy in the upper either.
    if (value) (void)sys::set_xattr(to, name.c_str(), *value);
  }
  return {};
}

/// The root of a union has the attributes of the upper: here, those of the lower.
Result<void> make_upper(BorrowedFd directory, const std::string& lower) {
  auto made = sys::make_directory(directory, kNew, 0700);
  if (made.failed_with(EEXIST)) made = {};
  TRY(made);
  const UniqueFd root = TRY(sys::open_path(lower.c_str(), O_PATH | O_DIRECTORY));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(root)));
  const sys::Place upper = {directory, kNew};
  // Where the owner cannot be given, it is not shown either (one_owner).
  (void)sys::change_owner(upper, stat.stx_uid, stat.stx_gid);
  TRY(sys::change_mode(upper, stat.stx_mode & 07777));
  TRY(copy_xattrs(sys::place_of(root), upper));
  (void)sys::copy_times(upper, stat);
  return sys::rename(upper, {directory, kUpper});
}

Result<void> make_layers_in(const Sandbox& sandbox, const FileSystem& place,
                            const std::string& lower) {
  const std::string name = std::to_string(place.directory);
  TRY(sandbox.make_directory(name, 0700));
  const UniqueFd directory =
      TRY(sys::open_at(sandbox.directory(), name.c_str(), O_RDONLY | O_DIRECTORY));
  auto work = sys::make_directory(directory, kWork, 0700);
  if (work.failed_with(EEXIST)) work = {};
  TRY(work);
  if (sys::stat({directory, kUpper})) return {};
  return make_upper(directory, lower);
}

}  // namespace

Expected<void> make_layers(const Sandbox& sandbox, const FileSystem& place,
                           const std::string& lower) {
  if (const auto made = make_layers_in(sandbox, place, lower); !made) {
    return problem("the layers of " + in_quotes(lower) + " in " + in_quotes(sandbox.path()) +
                       " cannot be made: " + std::strerror(to_int(made.error())),
                   "make room or correct the permissions");
  }
  return {};
}

Expected<config::Options> options_of(const PlannedMount& mount, const std::string& mountpoint,
                                     const Sandbox& sandbox, Record& record) {
  config::Options options;
  options.lower = {mount.path};
  options.mountpoint = mountpoint;
  options.fsname = "overpass:" + sandbox.name();
  options.dev = false;
  options.ends_with_starter = true;
  options.owns_upper = true;
  // The outside goes on living.
  options.lower_changes = config::LowerChanges::Follow;
  options.shown_at = mount.path;
  if (!record.scope.log.empty()) options.rules_log = record.scope.log;
  for (const std::string& rule : mount.rules) options.rules.push_back({{rule, "the sandbox"}});
  if (record.has_one_owner) {
    options.squash_to_uid = ::geteuid();
    options.squash_to_gid = ::getegid();
  }
  if (mount.shown == Shown::ReadOnlyUnion) return options;
  const FileSystem& place = record.file_system_at(mount.path, file_system_identity(mount.path));
  // Those that snapshots have frozen lie over the outside.
  options.lower = place.layer_paths(sandbox);
  options.lower.push_back(place.base());
  if (!place.lower.empty() && !place.is_there()) {
    return problem("the changes of " + in_quotes(place.at) + " are over " + in_quotes(place.lower) +
                       ", which is not there or another directory now",
                   "'overpass rebase --lower' puts them over another one");
  }
  if (auto made = make_layers(sandbox, place, options.lower.front()); !made)
    return std::unexpected(made.error());
  options.upper = place.upper(sandbox);
  options.work = place.work(sandbox);
  options.base_log = place.base_log(sandbox);
  options.keeps_bases = record.keeps_bases;
  // As on a plain file system: links stay links, directories can be renamed.
  options.format.index = true;
  options.may_be_frozen = true;
  options.format.redirect_dir = layer::RedirectDir::On;
  return options;
}

}  // namespace overpass::sandbox
