// SPDX-License-Identifier: MIT
//
// Emptying, probing and using the "work" directory.

#include "layer/workdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "layer/markers.h"
#include "overpass/layer_format.h"
#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

// The one whiteout inode that others are links to: a hundred thousand deletions then cost names,
// not inodes. overlayfs shares its whiteouts as well (5.8).
constexpr char kSharedWhiteout[] = "whiteout";

/// Of a journal or of transactions; where neither is known, what must not be lost has to be synced.
bool orders_metadata(BorrowedFd fd) {
  const auto magic = sys::file_system_magic(fd);
  if (!magic) return false;
  switch (*magic) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
      return true;
    default:
      return false;
  }
}

bool can_set(sys::Place place, const char* name) {
  return sys::set_xattr(place, name, "y").has_value();
}

/// The kernel makes these directories with mode 0, which keeps an ordinary user out.
Result<UniqueFd> open_own_directory(BorrowedFd directory, const char* name) {
  auto fd = sys::open_at(directory, name, O_RDONLY | O_DIRECTORY);
  if (!fd.failed_with(EACCES)) return fd;
  TRY(sys::change_mode({directory, name}, 0700));
  return sys::open_at(directory, name, O_RDONLY | O_DIRECTORY);
}

}  // namespace

Result<WorkDirectory> open_work_directory(BorrowedFd workdir, const char* name) {
  auto made = sys::make_directory(workdir, name, 0700);
  if (!made && !made.failed_with(EEXIST)) return fail(made.error());
  return WorkDirectory{TRY(open_own_directory(workdir, name)), made.has_value()};
}

Result<void> remove_tree(BorrowedFd directory, const char* name) {
  // Every step is one component and follows no link.
  auto removed = sys::remove_file(directory, name);
  if (removed || !(removed.failed_with(EISDIR) || removed.failed_with(EPERM))) return removed;
  auto empty = sys::remove_directory(directory, name);
  if (empty || !empty.failed_with(ENOTEMPTY)) return empty;
  const UniqueFd fd = TRY(open_own_directory(directory, name));
  TRY(sys::for_each_entry(
      fd, [&](const sys::DirectoryEntry& entry) { return remove_tree(fd, entry.name.data()); }));
  return sys::remove_directory(directory, name);
}

Result<Workdir> Workdir::prepare(BorrowedFd workdir) {
  WorkDirectory work = TRY(open_work_directory(workdir, format::kWorkName));
  Workdir result;
  result.made_ = work.was_made;
  result.fd_ = std::move(work.fd);
  TRY(sys::for_each_entry(result.fd_, [&](const sys::DirectoryEntry& entry) {
    return remove_tree(result.fd_, entry.name.data());
  }));
  TRY(result.probe());
  return result;
}

Result<void> Workdir::probe() {
  const UniqueFd& work = fd_;
  const std::string a = temporary_name();
  const std::string b = temporary_name();
  const std::string c = temporary_name();
  TRY(sys::make_directory(work, a.c_str(), 0700));
  const sys::Place directory = {work, a.c_str()};
  features_.trusted_xattrs = can_set(directory, name_of(Mark::Opaque, Prefix::Trusted));
  features_.user_xattrs = can_set(directory, name_of(Mark::Opaque, Prefix::User));
  TRY(sys::for_each_entry(work, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    features_.entry_types = entry.type == DT_DIR;
    return {};
  }));
  features_.ordered_metadata = orders_metadata(work);
  features_.whiteouts = create_whiteout(kSharedWhiteout).has_value();
  TRY(sys::make_node(work, b.c_str(), S_IFREG | 0600, 0));
  features_.rename_exchange =
      sys::rename({work, a.c_str()}, {work, b.c_str()}, RENAME_EXCHANGE).has_value();
  const char* file = features_.rename_exchange ? a.c_str() : b.c_str();
  features_.rename_whiteout =
      sys::rename({work, file}, {work, c.c_str()}, RENAME_WHITEOUT).has_value();
  if (auto unnamed = sys::open_unnamed(work, 0600)) {
    const std::string d = temporary_name();
    features_.unnamed_files = sys::make_link(sys::itself(*unnamed), work, d.c_str()).has_value();
    discard(d.c_str());
  }
  for (const std::string* name : {&a, &b, &c}) discard(name->c_str());
  return {};
}

void Workdir::undo(BorrowedFd workdir) {
  discard(kSharedWhiteout);
  if (made_) (void)sys::remove_directory(workdir, format::kWorkName);
}

Result<void> Workdir::mark_volatile() {
  UniqueFd directory = TRY(sys::open_at(fd_, ".", O_RDONLY | O_DIRECTORY));
  // Below "work", which is open already.
  for (const char* name : {format::kIncompatName, format::kVolatileName}) {
    directory = TRY(open_work_directory(directory, name)).fd;
  }
  return sys::make_node(directory, format::kVolatileFileName, S_IFREG | 0600, 0);
}

std::string Workdir::temporary_name() {
  return format::kTemporaryPrefix + std::to_string(next_->fetch_add(1, std::memory_order_relaxed));
}

Result<void> Workdir::do_without_devices(Prefix prefix) {
  features_.rename_whiteout = false;  // It would leave a device.
  whiteout_form_ = features_.has_xattrs() ? WhiteoutForm::Marked : WhiteoutForm::Named;
  prefix_ = prefix;
  if (whiteout_form_ == WhiteoutForm::Named) return {};
  return create_whiteout(kSharedWhiteout);
}

Result<void> Workdir::expect_whiteout(BorrowedFd directory) {
  if (whiteout_form_ != WhiteoutForm::Marked) return {};
  return set_has_xwhiteouts(sys::itself(directory), prefix_);
}

/// `name` is in the workdir.
Result<void> Workdir::create_whiteout(const char* name) {
  if (whiteout_form_ == WhiteoutForm::Device) return sys::make_node(fd_, name, S_IFCHR, 0);
  TRY(sys::make_node(fd_, name, S_IFREG | 0600, 0));
  auto marked = set_xwhiteout({fd_, name}, prefix_);
  if (!marked) discard(name);
  return marked;
}

void Workdir::remove_whiteout_name(BorrowedFd directory, const char* name) {
  if (features_.has_xattrs()) return;
  (void)sys::remove_file(directory, whiteout_name_of(name).c_str());
}

Result<void> Workdir::place_whiteout(BorrowedFd directory, const char* name) {
  if (whiteout_form_ == WhiteoutForm::Named) {
    return sys::make_node(directory, whiteout_name_of(name).c_str(), S_IFREG | 0600, 0);
  }
  TRY(expect_whiteout(directory));
  auto linked = sys::make_link({fd_, kSharedWhiteout}, directory, name);
  if (linked || linked.failed_with(EEXIST)) return linked;
  const std::string fresh = temporary_name();
  TRY(create_whiteout(fresh.c_str()));
  if (linked.failed_with(EMLINK)) {
    // The shared inode is full: the next whiteout becomes the new one. Racing threads may each
    // replace it, which costs an inode and nothing else.
    TRY(sys::rename({fd_, fresh.c_str()}, {fd_, kSharedWhiteout}));
    return sys::make_link({fd_, kSharedWhiteout}, directory, name);
  }
  auto moved = sys::rename({fd_, fresh.c_str()}, {directory, name}, RENAME_NOREPLACE);
  if (!moved) discard(fresh.c_str());
  return moved;
}

Result<std::string> Workdir::make_whiteout() {
  std::string name = temporary_name();
  auto linked = sys::make_link({fd_, kSharedWhiteout}, fd_, name.c_str());
  if (!linked) TRY(create_whiteout(name.c_str()));
  return name;
}

void Workdir::discard(const char* name) {
  try {
    (void)remove_tree(fd_, name);
  } catch (const std::bad_alloc&) {
    // Destructors call this.
  }
}

Result<void> PendingUpper::publish(BorrowedFd directory, const char* name, unsigned flags) {
  TRY(sys::rename(place(), {directory, name}, flags));
  published_ = (flags & RENAME_EXCHANGE) == 0;
  return {};
}

}  // namespace overpass::layer
