// SPDX-License-Identifier: MIT
//
// Opening by the user's paths; then it is asked whether somebody has the upper mounted.

#include "check/target.h"

#include <fcntl.h>

#include <cstring>
#include <string>

#include "layer/markers.h"
#include "layer/overlay_mounts.h"
#include "sys/credentials.h"
#include "sys/lock_file.h"
#include "sys/mount_api.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/proc.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::check {

namespace {

std::string said(const char* option, const std::string& path) {
  return std::string(option) + " '" + path + "'";
}

struct Opened {
  UniqueFd fd;  ///< For reading.
  sys::Stat stat;
};

Expected<Opened> open_named(const char* option, const std::string& path) {
  auto fd = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!fd) {
    return problem(said(option, path) + ": " + std::strerror(to_int(fd.error())),
                   "name the directories of the mount, as a user who may read them");
  }
  const auto stat = sys::stat(sys::place_of(*fd));
  if (!stat) return problem(said(option, path) + " cannot be examined");
  return Opened{std::move(*fd), *stat};
}

/// The root to be used for `opened`: no write through it succeeds, if that is permitted.
Expected<UniqueFd> protected_root(const Opened& opened, const char* option,
                                  const std::string& path) {
  if (auto clone = sys::clone_read_only(opened.fd)) return std::move(*clone);
  auto root = sys::reopen(opened.fd, O_PATH | O_DIRECTORY);
  if (!root) return problem(said(option, path) + ": " + std::strerror(to_int(root.error())));
  return std::move(*root);
}

Expected<void> take(layer::Layer& layer, const Opened& opened, const char* option,
                    const std::string& path) {
  auto root = protected_root(opened, option, path);
  if (!root) return std::unexpected(root.error());
  layer.path = path;
  layer.root = std::move(*root);
  layer.is_present = true;
  layer.device = sys::device_of(opened.stat);
  layer.uuid = sys::file_system_uuid(opened.fd).value_or(sys::FileSystemUuid{});
  return {};
}

/// That no overlay mount of the kernel has one of the two.
Expected<void> check_use(const Opened& upper, const Opened& work, const layer::LayerPaths& paths) {
  const auto use = layer::find_overlay_use(upper.fd, work.fd);
  if (!use) return {};
  return problem((use->is_workdir ? said("workdir", *paths.work) : said("upperdir", *paths.upper)) +
                     " is in use by the overlay mount at '" + use->mountpoint + "'",
                 "unmount that first");
}

/// That overpass has it not mounted, and cannot mount it as long as the result lives.
/// Nothing is repaired where that cannot be known.
Expected<void> claim(UniqueFd& lock, Opened& opened, const char* option, const std::string& path,
                     bool for_repair) {
  const auto locked = sys::lock_file(opened.fd);
  if (locked.failed_with(EWOULDBLOCK)) {
    return problem(said(option, path) + " is in use by a mount or another check of overpass",
                   "unmount that first");
  }
  if (!locked && for_repair) {
    return problem(said(option, path) +
                       " cannot be locked against mounts: " + std::strerror(to_int(locked.error())),
                   "repair it where its file system is not NFS, on its server for one");
  }
  lock = std::move(opened.fd);
  return {};
}

/// The prefix that a mount of these layers would use, found without writing.
layer::Prefix prefix_of(const layer::LayerPaths& paths, BorrowedFd upper) {
  if (paths.userxattr || !sys::is_privileged_in_initial_namespace()) return layer::Prefix::User;
  const char* probe = layer::name_of(layer::Mark::Opaque, layer::Prefix::Trusted);
  const auto value = sys::get_xattr(sys::place_of(upper), probe);
  return value.failed_with(EOPNOTSUPP) ? layer::Prefix::User : layer::Prefix::Trusted;
}

bool takes_xattrs(BorrowedFd upper) {
  const char* probe = layer::name_of(layer::Mark::Opaque, layer::Prefix::User);
  return !sys::get_xattr(sys::place_of(upper), probe).failed_with(EOPNOTSUPP);
}

/// Whether one of the directories is the other, or lies in it.
bool is_nested(const Opened& a, const Opened& b) {
  if (a.stat.stx_ino == b.stat.stx_ino && sys::device_of(a.stat) == sys::device_of(b.stat))
    return true;
  auto path_of = [](const Opened& opened) {
    const std::string link = sys::ProcPath(sys::place_of(opened.fd)).c_str();
    return sys::read_link({BorrowedFd{AT_FDCWD}, link.c_str()}).value_or("") + "/";
  };
  const std::string first = path_of(a);
  const std::string second = path_of(b);
  return first.starts_with(second) || second.starts_with(first);
}

Expected<void> take_upper(Target& target, const layer::LayerPaths& paths, bool for_repair) {
  auto upper = open_named("upperdir", *paths.upper);
  if (!upper) return std::unexpected(upper.error());
  auto work = open_named("workdir", *paths.work);
  if (!work) return std::unexpected(work.error());
  if (is_nested(*upper, *work)) {
    return problem(said("workdir", *paths.work) + " and " + said("upperdir", *paths.upper) +
                       " lie one inside the other",
                   "give the two directories of the mount");
  }
  layer::Layer& layer = target.stack.layers[layer::kUpper];
  if (auto ok = take(layer, *upper, "upperdir", *paths.upper); !ok) return ok;
  auto root = protected_root(*work, "workdir", *paths.work);
  if (!root) return std::unexpected(root.error());
  target.work = std::move(*root);
  target.stack.prefix = prefix_of(paths, upper->fd);
  target.upper_takes_xattrs = takes_xattrs(upper->fd);
  if (for_repair) {
    // What is to be changed is reached as the user named it.
    auto writable = sys::check_writable(upper->fd);
    if (writable) writable = sys::check_writable(work->fd);
    auto upper_root = sys::reopen(upper->fd, O_PATH | O_DIRECTORY);
    auto work_root = sys::reopen(work->fd, O_PATH | O_DIRECTORY);
    if (!writable || !upper_root || !work_root) {
      return problem(said("upperdir", *paths.upper) + " cannot be written to",
                     "check without --repair, or as its owner on a file system that is writable");
    }
    layer.root = std::move(*upper_root);
    target.work = std::move(*work_root);
  }
  if (auto unused = check_use(*upper, *work, paths); !unused) return unused;
  auto claimed = claim(target.stack.upper_lock, *upper, "upperdir", *paths.upper, for_repair);
  if (!claimed) return claimed;
  return claim(target.stack.work_lock, *work, "workdir", *paths.work, for_repair);
}

}  // namespace

Expected<Target> open_target(const layer::LayerPaths& paths, bool for_repair) {
  Target target;
  target.stack.layers.resize(1);
  for (const auto* list : {&paths.lower, &paths.data_only}) {
    if (list == &paths.data_only) target.stack.first_data_only = target.stack.size();
    for (const std::string& path : *list) {
      const auto opened = open_named("lowerdir", path);
      if (!opened) return std::unexpected(opened.error());
      layer::Layer layer;
      if (auto ok = take(layer, *opened, "lowerdir", path); !ok) return std::unexpected(ok.error());
      target.stack.layers.push_back(std::move(layer));
    }
  }
  if (auto ok = take_upper(target, paths, for_repair); !ok) return std::unexpected(ok.error());
  return target;
}

}  // namespace overpass::check
