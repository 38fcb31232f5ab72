// SPDX-License-Identifier: MIT
//
// The order is: open everything by the user's paths, compare, protect the lowers by clones, take
// the upper, prepare the workdir. The workdir is the first thing that is written to.

#include "layer/open_layers.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "overpass/layer_format.h"
#include "sys/credentials.h"
#include "sys/directory_stream.h"
#include "sys/lock_file.h"
#include "sys/mount_api.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

std::string quoted(const std::string& path) { return "'" + path + "'"; }

std::string text_of(Errno error) { return std::strerror(to_int(error)); }

/// The remedy for an errno of opening a directory the user named.
std::string remedy_for(Errno error, const char* option) {
  switch (to_int(error)) {
    case ENOENT:
      return std::string("create it or correct ") + option;
    case ENOTDIR:
      return std::string(option) + " takes directories";
    case ELOOP:
      return "a symbolic link in it leads back to itself; name the real directory";
    case EACCES:
      return "give this user search and read permission on it";
    case ENAMETOOLONG:
      return "use a shorter path, or a relative one";
    default:
      return std::string("check what ") + option + " names";
  }
}

struct OpenDirectory {
  UniqueFd fd;  // Open for reading, so that lack of permission shows now and not later.
  sys::Stat stat;
  std::string real_path;
};

Expected<OpenDirectory> open_directory(const std::string& path, const char* option) {
  auto fd = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!fd) {
    return problem(std::string(option) + " directory " + quoted(path) + ": " + text_of(fd.error()),
                   remedy_for(fd.error(), option));
  }
  auto stat = sys::stat(sys::itself(*fd));
  if (!stat)
    return problem(std::string(option) + " directory " + quoted(path) + " cannot be examined");
  char* real = ::realpath(path.c_str(), nullptr);
  OpenDirectory result{std::move(*fd), *stat, real != nullptr ? real : path};
  std::free(real);
  return result;
}

bool same_directory(const OpenDirectory& a, const OpenDirectory& b) {
  return a.stat.stx_ino == b.stat.stx_ino && sys::device_of(a.stat) == sys::device_of(b.stat);
}

/// Whether the path `inner` is `outer` or lies below it.
bool is_within(const std::string& inner, const std::string& outer) {
  if (!inner.starts_with(outer)) return false;
  return inner.size() == outer.size() || outer == "/" || inner[outer.size()] == '/';
}

Expected<void> check_upper_and_work(const OpenDirectory& upper, const OpenDirectory& work,
                                    const LayerPaths& paths) {
  if (same_directory(upper, work) || is_within(work.real_path, upper.real_path) ||
      is_within(upper.real_path, work.real_path)) {
    return problem("workdir " + quoted(*paths.work) + " and upperdir " + quoted(*paths.upper) +
                       " lie one inside the other",
                   "use two separate directories of one file system");
  }
  if (sys::device_of(upper.stat) != sys::device_of(work.stat) ||
      upper.stat.stx_mnt_id != work.stat.stx_mnt_id) {
    return problem("workdir " + quoted(*paths.work) + " and upperdir " + quoted(*paths.upper) +
                       " are not on the same file system and mount",
                   "put the workdir beside the upperdir");
  }
  if (auto writable = sys::check_writable(upper.fd); !writable) {
    return problem(
        "upperdir " + quoted(*paths.upper) + " is not writable: " + text_of(writable.error()),
        "remount its file system read-write, choose another, or leave upperdir out for "
        "a read-only mount");
  }
  return {};
}

/// Only what overlay file systems leave in a workdir may be there.
Expected<void> check_workdir_content(const OpenDirectory& work, const std::string& path) {
  std::string foreign;
  (void)sys::for_each_entry(work.fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    if (entry.name != format::kWorkName && entry.name != format::kIndexName) foreign = entry.name;
    return {};
  });
  if (foreign.empty()) return {};
  return problem(
      "workdir " + quoted(path) + " contains " + quoted(foreign) + ", which no overlay put there",
      "use an empty directory");
}

bool is_stacked(BorrowedFd fd) {
  constexpr uint64_t kFuseMagic = 0x65735546;  // FUSE_SUPER_MAGIC; linux/magic.h has it since 5.10.
  auto magic = sys::file_system_magic(fd);
  return magic && (*magic == OVERLAYFS_SUPER_MAGIC || *magic == kFuseMagic);
}

/// A lower or data-only directory as the user named it.
struct NamedLower {
  OpenDirectory directory;
  const char* option;
  const std::string* path;
};

/// All of them, in the order of LayerStack::layers.
Expected<std::vector<NamedLower>> open_lowers(const LayerPaths& paths) {
  std::vector<NamedLower> lowers;
  auto open_all = [&](const std::vector<std::string>& named, const char* option) -> Expected<void> {
    for (const std::string& path : named) {
      auto directory = open_directory(path, option);
      if (!directory) return std::unexpected(directory.error());
      lowers.push_back({std::move(*directory), option, &path});
    }
    return {};
  };
  if (auto ok = open_all(paths.lower, "lowerdir"); !ok) return std::unexpected(ok.error());
  if (auto ok = open_all(paths.data_only, "datadir"); !ok) return std::unexpected(ok.error());
  return lowers;
}

/// The lower as it will be used: through a read-only clone where that is permitted.
Expected<Layer> take_lower(const NamedLower& lower, const LayerPaths& paths) {
  const OpenDirectory& directory = lower.directory;
  Layer layer;
  layer.path = *lower.path;
  layer.is_present = true;
  layer.device = sys::device_of(directory.stat);
  layer.uuid = sys::file_system_uuid(directory.fd).value_or(sys::FileSystemUuid{});
  if (auto clone = sys::clone_read_only(directory.fd)) {
    layer.root = std::move(*clone);
    layer.write_protected = true;
    return layer;
  }
  if (is_within(paths.mountpoint, directory.real_path) && paths.mountpoint != directory.real_path) {
    return problem("mountpoint " + quoted(paths.mountpoint) + " lies inside " + lower.option + " " +
                       quoted(layer.path) + ", which an ordinary user cannot have",
                   "mount elsewhere, or as root or inside a user namespace");
  }
  auto root = sys::reopen(directory.fd, O_PATH | O_DIRECTORY);
  if (!root) {
    return problem(std::string(lower.option) + " " + quoted(layer.path) + ": " +
                   text_of(root.error()));
  }
  layer.root = std::move(*root);
  return layer;
}

/// Opens `upper` and `work` for use. With privilege both are taken through one clone of the mount,
/// so that what is mounted over them later, the union itself perhaps, is not in the way.
struct UpperRoots {
  UniqueFd upper;
  UniqueFd work;
};

Expected<UpperRoots> take_upper_roots(const OpenDirectory& upper, const OpenDirectory& work,
                                      const LayerPaths& paths) {
  auto plain = [](const OpenDirectory& directory) {
    return sys::reopen(directory.fd, O_PATH | O_DIRECTORY);
  };
  if (is_within(paths.mountpoint, upper.real_path)) {
    size_t common = 0;
    const size_t shorter = std::min(upper.real_path.size(), work.real_path.size());
    for (size_t i = 0; i < shorter && upper.real_path[i] == work.real_path[i]; ++i) {
      if (upper.real_path[i] == '/') common = i;
    }
    const std::string parent = upper.real_path.substr(0, std::max<size_t>(common, 1));
    auto below = [&](const OpenDirectory& directory) {
      return directory.real_path.substr(common + 1);
    };
    auto parent_fd = sys::open_path(parent.c_str(), O_PATH | O_DIRECTORY);
    if (parent_fd) {
      if (auto clone = sys::clone_tree(*parent_fd)) {
        auto upper_fd = sys::open_beneath(*clone, below(upper).c_str(), O_PATH | O_DIRECTORY);
        auto work_fd = sys::open_beneath(*clone, below(work).c_str(), O_PATH | O_DIRECTORY);
        if (upper_fd && work_fd) return UpperRoots{std::move(*upper_fd), std::move(*work_fd)};
      }
    }
    if (paths.mountpoint != upper.real_path) {
      return problem("mountpoint " + quoted(paths.mountpoint) + " lies inside upperdir " +
                         quoted(*paths.upper),
                     "mount elsewhere, or as root");
    }
  }
  auto upper_fd = plain(upper);
  auto work_fd = plain(work);
  if (!upper_fd || !work_fd) return problem("upperdir " + quoted(*paths.upper) + " went away");
  return UpperRoots{std::move(*upper_fd), std::move(*work_fd)};
}

/// What the workdir's file system must be able to do, each with its own words.
Expected<Prefix> check_features(const Workdir& workdir, const LayerPaths& paths) {
  const UpperFeatures& features = workdir.features();
  const std::string upper = "the file system of upperdir " + quoted(*paths.upper);
  if (!features.entry_types) {
    return problem(upper + " does not tell entry types (d_type)",
                   "on xfs, make it with ftype=1; else use another file system");
  }
  if (!features.whiteouts) {
    return problem(upper + " takes no whiteouts (character device 0:0)",
                   "use a file system with device nodes, such as ext4, xfs, btrfs or tmpfs");
  }
  if (features.trusted_xattrs && !paths.userxattr) return Prefix::Trusted;
  if (features.user_xattrs) return Prefix::User;
  return problem(upper + " takes no extended attributes",
                 "use a file system with them, such as ext4, xfs, btrfs or tmpfs");
}

bool is_empty_directory(BorrowedFd fd) {
  bool empty = true;
  (void)sys::for_each_entry(fd, [&](const sys::DirectoryEntry&) -> Result<void> {
    empty = false;
    return fail(ECANCELED);
  });
  return empty;
}

void warn_of_overlap(const OpenDirectory& upper, const NamedLower& lower, const LayerPaths& paths) {
  const std::string& real_path = lower.directory.real_path;
  if (!is_within(upper.real_path, real_path) && !is_within(real_path, upper.real_path)) return;
  log::warn("upperdir %s and %s %s overlap; what changes in one changes in the other",
            paths.upper->c_str(), lower.option, lower.path->c_str());
}

/// Takes the directory for this mount until the process ends.
Expected<UniqueFd> claim(BorrowedFd directory, const char* option, const std::string& path) {
  auto fd = sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  if (fd && sys::lock_file(*fd)) return std::move(*fd);
  return problem(std::string(option) + " " + quoted(path) + " is in use by another mount",
                 "unmount that first, or give each mount its own upperdir and workdir");
}

Expected<void> take_upper(const OpenDirectory& upper, const LayerPaths& paths, LayerStack& stack) {
  OpenDirectory work;
  if (auto opened = open_directory(*paths.work, "workdir")) {
    work = std::move(*opened);
  } else {
    return std::unexpected(opened.error());
  }
  if (auto ok = check_upper_and_work(upper, work, paths); !ok) return ok;
  if (auto ok = check_workdir_content(work, *paths.work); !ok) return ok;
  auto roots = take_upper_roots(upper, work, paths);
  if (!roots) return std::unexpected(roots.error());
  auto upper_lock = claim(roots->upper, "upperdir", *paths.upper);
  if (!upper_lock) return std::unexpected(upper_lock.error());
  // The workdir is about to be emptied, so it must be nobody else's either.
  auto work_lock = claim(roots->work, "workdir", *paths.work);
  if (!work_lock) return std::unexpected(work_lock.error());
  if (sys::stat({roots->work, format::kVolatileMark})) {
    return problem(
        "upperdir " + quoted(*paths.upper) + " was used by a volatile mount and may be incomplete",
        "start with a fresh upperdir and workdir, or remove work/incompat from the "
        "workdir if the machine has not crashed since");
  }
  auto workdir = Workdir::prepare(roots->work);
  if (!workdir) {
    return problem(
        "workdir " + quoted(*paths.work) + " cannot be prepared: " + text_of(workdir.error()),
        "it has to be writable and on a file system with free space");
  }
  auto prefix = check_features(*workdir, paths);
  if (!prefix) {
    workdir->undo(roots->work);
    return std::unexpected(prefix.error());
  }
  Layer& layer = stack.layers[kUpper];
  layer.path = *paths.upper;
  layer.is_present = true;
  layer.device = sys::device_of(upper.stat);
  layer.foreign_marks = !is_empty_directory(upper.fd);
  layer.root = std::move(roots->upper);
  stack.workdir = std::move(*workdir);
  stack.prefix = *prefix;
  stack.upper_lock = std::move(*upper_lock);
  stack.work_lock = std::move(*work_lock);
  return {};
}

}  // namespace

Expected<LayerStack> open_layers(const LayerPaths& paths) {
  if (auto ok = check_choice(paths.format, paths.upper.has_value()); !ok) {
    return std::unexpected(ok.error());
  }
  LayerStack stack;
  stack.layers.resize(1);
  auto lowers = open_lowers(paths);
  if (!lowers) return std::unexpected(lowers.error());
  OpenDirectory upper;
  if (paths.upper) {
    auto opened = open_directory(*paths.upper, "upperdir");
    if (!opened) return std::unexpected(opened.error());
    upper = std::move(*opened);
    for (const NamedLower& lower : *lowers) {
      if (same_directory(upper, lower.directory)) {
        return problem("upperdir " + quoted(*paths.upper) + " is also a " + lower.option,
                       "the upper must be a directory of its own");
      }
      warn_of_overlap(upper, lower, paths);
    }
    stack.has_stacked_layer = is_stacked(upper.fd);
  }
  for (const NamedLower& lower : *lowers) {
    stack.has_stacked_layer = stack.has_stacked_layer || is_stacked(lower.directory.fd);
    auto layer = take_lower(lower, paths);
    if (!layer) return std::unexpected(layer.error());
    stack.layers.push_back(std::move(*layer));
  }
  stack.first_data_only = static_cast<LayerIndex>(1 + paths.lower.size());
  // Beyond this point every layer can be read; from here on the workdir is written to.
  if (paths.upper) {
    if (auto ok = take_upper(upper, paths, stack); !ok) return std::unexpected(ok.error());
  } else {
    const bool may_read_trusted = !paths.userxattr && sys::is_privileged_in_initial_namespace();
    stack.prefix = may_read_trusted ? Prefix::Trusted : Prefix::User;
  }
  SettledFormat settled = settle_format(paths.format, stack.prefix, stack.has_upper());
  stack.format = settled.settings;
  stack.format_reasons = std::move(settled.reasons);
  return stack;
}

}  // namespace overpass::layer
