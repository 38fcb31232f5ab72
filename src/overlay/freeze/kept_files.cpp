// SPDX-License-Identifier: MIT
//
// A copy is the file as the layer has it: all of its attributes, the marks of the format included.

#include "overlay/freeze/kept_files.h"

#include <fcntl.h>

#include <cstring>

#include "base/log.h"
#include "layer/remove_tree.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/copy_up/copy_up_metadata.h"
#include "overlay/copy_up/prepare_copy.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/union_path.h"
#include "overlay/state/copy_up_progress.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// So many may wait for the disk after requests are served again. They take a descriptor each.
constexpr size_t kMostCopies = 256;

std::string path_of(Inode& inode) {
  std::string path;
  for (const std::string& name : names_to(inode)) path += (path.empty() ? "" : "/") + name;
  return path;
}

/// The directory of the union's path `path` in a layer that has it under the same path.
Result<UniqueFd> open_below(BorrowedFd root, const std::string& path) {
  if (path.empty()) return sys::open_at(root, ".", O_RDONLY | O_DIRECTORY);
  return sys::open_beneath(root, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// Owner, extended attributes, mode and times, in the order in which none undoes another.
Result<void> copy_attributes(sys::Place from, const sys::Stat& stat, BorrowedFd copy) {
  const sys::Place to = sys::place_of(copy);
  TRY(copy_flags(from, copy));
  TRY(sys::change_owner(to, stat.stx_uid, stat.stx_gid));
  for (const std::string& name : TRY(sys::list_xattrs(from))) {
    TRY(sys::set_xattr(to, name.c_str(), TRY(sys::get_xattr(from, name.c_str()))));
  }
  TRY(sys::change_mode(to, stat.stx_mode & 07777));
  return sys::copy_times(to, stat);
}

bool is_unchanged(const sys::Stat& one, const sys::Stat& other) {
  return one.stx_size == other.stx_size && one.stx_mtime.tv_sec == other.stx_mtime.tv_sec &&
         one.stx_mtime.tv_nsec == other.stx_mtime.tv_nsec &&
         one.stx_ctime.tv_sec == other.stx_ctime.tv_sec &&
         one.stx_ctime.tv_nsec == other.stx_ctime.tv_nsec;
}

}  // namespace

Result<void> KeptFiles::copy(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  File file;
  file.inode = inode;
  file.parent = inode->link.parent;
  file.name = inode->link.name;
  const auto busy = [&](const char* why) {
    log::warn("the upper is not frozen: '%s' is open, and %s", path_of(*inode).c_str(), why);
    return fail(EBUSY);
  };
  if (inode->is_indexed()) return busy("is one of several links of a lower's file");
  file.frozen = TRY(open_below(frozen_, path_of(*file.parent)));
  auto opened = open_regular({file.frozen, file.name.c_str()}, O_RDONLY | O_NOATIME);
  if (opened.failed_with(EPERM)) {
    opened = open_regular({file.frozen, file.name.c_str()}, O_RDONLY);
  }
  if (!opened) return busy("cannot be read");
  const UniqueFd from = std::move(*opened);
  TRY(sys::allow_waiting(from));
  const sys::Stat before = TRY(sys::stat(sys::place_of(from)));
  if (identity_of(before) != inode->known.identity()) return busy("another has its name");
  if (before.stx_nlink != 1) return busy("has several links");
  // "work" is this mount's alone, and nobody makes temporaries in the new one yet.
  file.temporary = "frozen-" + std::to_string(files_.size());
  UniqueFd copy =
      TRY(sys::open_at(temporaries_, file.temporary.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  files_.push_back(std::move(file));  // From here on it is removed.
  TRY(sys::copy_data(from, copy, static_cast<off_t>(before.stx_size), nullptr,
                     afterwards_of(overlay_.settings.is_volatile)));
  TRY(copy_attributes(sys::place_of(from), before, copy));
  const sys::Stat after = TRY(sys::stat(sys::place_of(from)));
  if (!is_unchanged(before, after)) ++torn_;
  if (copies_.size() == kMostCopies) return order_data(overlay_, copy);
  copies_.push_back(std::move(copy));
  return {};
}

Result<void> KeptFiles::move() {
  has_moved_ = true;
  for (File& file : files_) TRY(move(file));
  return {};
}

Result<void> KeptFiles::move(File& file) {
  TRY(copy_up_directory(overlay_, file.parent));
  const SharedFd upper = TRY(directory_fd(overlay_, *file.parent, layer::kUpper));
  const sys::Stat in_upper = TRY(sys::stat(sys::place_of(upper->fd)));
  TRY(mark_impure(overlay_, *file.parent, upper->fd));
  file.upper = TRY(open_below(upper_, path_of(*file.parent)));
  const sys::Stat in_frozen = TRY(sys::stat(sys::place_of(file.frozen)));
  TRY(sys::make_link({file.frozen, file.name.c_str()}, file.upper, file.name.c_str()));
  file.is_linked = true;
  TRY(sys::rename({temporaries_, file.temporary.c_str()}, {file.frozen, file.name.c_str()}));
  file.is_replaced = true;
  // None of this is a change of the directory.
  (void)sys::copy_times(sys::place_of(upper->fd), in_upper);
  (void)sys::copy_times(sys::place_of(file.frozen), in_frozen);
  ++file.parent->directory->version;
  return {};
}

bool KeptFiles::take_back(File& file) {
  if (file.is_replaced) {
    const auto stat = sys::stat(sys::place_of(file.frozen));
    const auto moved =
        sys::rename({file.upper, file.name.c_str()}, {file.frozen, file.name.c_str()});
    if (stat) (void)sys::copy_times(sys::place_of(file.frozen), *stat);
    if (moved) return true;
    log::error(
        "'%s' could not be moved back to the upper (%s): it is in the new one, unmount and "
        "mount with both",
        path_of(*file.inode).c_str(), std::strerror(to_int(moved.error())));
    return false;
  }
  // Best effort: what stays is removed at the next mount, and with the new upper.
  (void)sys::remove_file(temporaries_, file.temporary.c_str());
  if (file.is_linked) (void)sys::remove_file(file.upper, file.name.c_str());
  return true;
}

void KeptFiles::empty_upper() {
  std::vector<std::string> names;
  (void)sys::for_each_entry(upper_, [&names](const sys::DirectoryEntry& entry) -> Result<void> {
    names.emplace_back(entry.name);
    return {};
  });
  for (const std::string& name : names) (void)layer::remove_tree(upper_, name.c_str());
}

KeptFiles::~KeptFiles() {
  if (is_finished_) return;
  bool is_as_before = true;
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    is_as_before = take_back(*file) && is_as_before;
  }
  if (has_moved_ && is_as_before) empty_upper();
}

}  // namespace overpass::overlay
