// SPDX-License-Identifier: MIT
//
// The order is: compare, take both roots, claim them, look for other mounts of them, make "work"
// anew and probe it. Removing the former one is the first write.

#include "layer/open_upper.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/log.h"
#include "layer/overlay_mounts.h"
#include "layer/own_directory.h"
#include "layer/remove_tree.h"
#include "layer/upper_roots.h"
#include "overpass/layer_format.h"
#include "sys/children.h"
#include "sys/credentials.h"
#include "sys/directory_stream.h"
#include "sys/lock_file.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

Expected<void> check_upper_and_work(const NamedDirectory& upper, const NamedDirectory& work,
                                    const LayerPaths& paths) {
  if (are_same(upper, work) || is_within(work.real_path, upper.real_path) ||
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
Expected<void> check_workdir_content(const NamedDirectory& work, const std::string& path) {
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

/// Checks that the workdir's file system can do what the upper needs; each lack has its own
/// message.
Expected<Prefix> check_features(const Workdir& workdir, const LayerPaths& paths) {
  const UpperFeatures& features = workdir.features();
  const std::string upper = "the file system of upperdir " + quoted(*paths.upper);
  if (!features.entry_types) {
    return problem(upper + " does not tell entry types (d_type)",
                   "on xfs, make it with ftype=1; else use another file system");
  }
  if (features.trusted_xattrs && !paths.userxattr) return Prefix::Trusted;
  return features.user_xattrs ? Prefix::User : prefix_of_user(paths);
}

bool is_empty_directory(BorrowedFd fd) {
  bool empty = true;
  (void)sys::for_each_entry(fd, [&](const sys::DirectoryEntry&) -> Result<void> {
    empty = false;
    return fail(ECANCELED);
  });
  return empty;
}

/// A mount that has just been unmounted keeps its directories for the moment its daemon needs to
/// end, and container engines mount again at once.
constexpr uint64_t kPatienceMs = 2000;
constexpr int kBetweenTriesMs = 10;

/// Takes the directory for this mount until the process ends.
Expected<UniqueFd> claim(BorrowedFd directory, const char* option, const std::string& path) {
  const std::string named = std::string(option) + " " + quoted(path);
  auto fd = sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  if (!fd) return problem(named + " cannot be read: " + text_of(fd.error()));
  const uint64_t begun = sys::monotonic_ms();
  for (;;) {
    const auto locked = sys::lock_file(*fd);
    if (locked) return std::move(*fd);
    if (!locked.failed_with(EWOULDBLOCK)) {
      // NFS locks no directories.
      log::warn("%s cannot be locked (%s): make sure that no other mount uses it", named.c_str(),
                text_of(locked.error()).c_str());
      return std::move(*fd);
    }
    if (sys::monotonic_ms() - begun > kPatienceMs) break;
    sys::pause_for(kBetweenTriesMs);
  }
  return problem(named + " is in use by another mount",
                 "unmount that first, or give each mount its own upperdir and workdir");
}

/// A mount that left something there wrote an upper that other mounts may be unable to trust.
Expected<void> check_incompatible_use(BorrowedFd workdir, const LayerPaths& paths) {
  // The kernel makes these with mode 0: what cannot be read is not taken for absent.
  auto work = open_own_directory(workdir, format::kWorkName);
  auto incompat = work ? open_own_directory(*work, format::kIncompatName) : fail(work.error());
  if (incompat.failed_with(ENOENT) || incompat.failed_with(ENOTDIR)) return {};
  if (!incompat) {
    return problem("what an earlier mount left in workdir " + quoted(*paths.work) +
                       " cannot be read: " + text_of(incompat.error()),
                   "mount as the user who mounted it then, or use a fresh upperdir and workdir");
  }
  std::string feature;
  (void)sys::for_each_entry(*incompat, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    feature = entry.name;
    return {};
  });
  if (feature.empty()) return {};
  const std::string upper = "upperdir " + quoted(*paths.upper);
  if (feature != format::kVolatileName) {
    return problem(upper + " was used by a mount with the feature " + quoted(feature) +
                       ", which is not known here",
                   "mount it with what wrote it, or start with a fresh upperdir and workdir");
  }
  return problem(upper + " was used by a volatile mount and may be incomplete",
                 "start with a fresh upperdir and workdir, or remove work/incompat from the "
                 "workdir if the machine has not crashed since");
}

/// Kernel overlayfs knows nothing of our locks, and its workdir must not be emptied.
Expected<void> check_kernel_use(const UpperRoots& roots, const LayerPaths& paths) {
  if (paths.owns_upper) return {};
  const auto use = find_overlay_use(roots.upper, roots.work);
  if (!use) return {};
  return problem(
      (use->is_workdir ? "workdir " + quoted(*paths.work) : "upperdir " + quoted(*paths.upper)) +
          " is in use by the overlay mount at " + quoted(use->mountpoint),
      "unmount that first, or give each mount its own upperdir and workdir");
}

std::string remedy_for_work(Errno error) {
  switch (to_int(error)) {
    case EPERM:
    case EACCES:
      return "'work' in it belongs to another user: remove it as root or as its owner, or use "
             "another workdir";
    case ENOTDIR:
      return "'work' in it is not a directory: remove it, or use an empty workdir";
    case EBUSY:
      return "something is mounted on 'work' in it: unmount that";
    case ENOTEMPTY:
    case EEXIST:
    case ESTALE:
      return "another process changes 'work' in it: remove it, and use a "
             "workdir in which others cannot write";
    default:
      return "it has to be writable and on a file system with free space";
  }
}

}  // namespace

Prefix prefix_of_user(const LayerPaths& paths) {
  const bool may_read_trusted = !paths.userxattr && sys::is_privileged_in_initial_namespace();
  return may_read_trusted ? Prefix::Trusted : Prefix::User;
}

Expected<void> open_upper(const NamedDirectory& upper, const LayerPaths& paths, LayerStack& stack) {
  const auto work = open_named("workdir", *paths.work);
  if (!work) return std::unexpected(work.error());
  if (auto ok = check_upper_and_work(upper, *work, paths); !ok) return ok;
  if (auto ok = check_workdir_content(*work, *paths.work); !ok) return ok;
  auto roots = take_upper_roots(upper, *work, paths);
  if (!roots) return std::unexpected(roots.error());
  auto upper_lock = claim(roots->upper, "upperdir", *paths.upper);
  if (!upper_lock) return std::unexpected(upper_lock.error());
  // The workdir is about to be emptied, so no other mount may use it either.
  auto work_lock = claim(roots->work, "workdir", *paths.work);
  if (!work_lock) return std::unexpected(work_lock.error());
  if (auto ok = check_kernel_use(*roots, paths); !ok) return ok;
  if (auto ok = check_incompatible_use(roots->work, paths); !ok) return ok;
  auto workdir = Workdir::prepare(roots->work);
  if (!workdir) {
    return problem(
        "workdir " + quoted(*paths.work) + " cannot be prepared: " + text_of(workdir.error()),
        remedy_for_work(workdir.error()));
  }
  auto prefix = check_features(*workdir, paths);
  if (prefix && !workdir->features().whiteouts && !workdir->do_without_devices(*prefix)) {
    prefix = problem("the file system of upperdir " + quoted(*paths.upper) +
                         " takes whiteouts neither as devices 0:0 nor as marked files",
                     "use another, such as ext4, xfs, btrfs or tmpfs");
  }
  if (!prefix) {
    workdir->undo(roots->work);
    return std::unexpected(prefix.error());
  }
  if (!workdir->features().has_xattrs()) {
    log::warn(
        "the file system of upperdir %s takes no extended attributes: files lose theirs when "
        "they are copied up, and overlayfs cannot mount what is written",
        quoted(*paths.upper).c_str());
  }
  Layer& layer = stack.layers[kUpper];
  layer.path = *paths.upper;
  layer.is_present = true;
  layer.device = sys::device_of(upper.stat);
  layer.uuid = sys::file_system_uuid(upper.fd).value_or(sys::FileSystemUuid{});
  layer.foreign_marks = !is_empty_directory(upper.fd) || !workdir->features().whiteouts ||
                        !workdir->features().has_xattrs();
  layer.root = std::move(roots->upper);
  // overlayfs looks for marked files only in layers whose root says so.
  (void)workdir->expect_whiteout(layer.root);
  stack.workdir = std::move(*workdir);
  stack.prefix = *prefix;
  stack.upper_lock = std::move(*upper_lock);
  stack.work_lock = std::move(*work_lock);
  return {};
}

}  // namespace overpass::layer
