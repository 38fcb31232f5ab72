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

#include "base/log.h"
#include "layer/markers.h"
#include "layer/own_directory.h"
#include "layer/remove_tree.h"
#include "layer/write_order.h"
#include "overpass/layer_format.h"
#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

// The one whiteout inode that others are links to: a hundred thousand deletions then cost names,
// not inodes. overlayfs shares its whiteouts as well (5.8).
constexpr char kSharedWhiteout[] = "whiteout";

bool can_set(sys::Place place, const char* name) {
  return sys::set_xattr(place, name, "y").has_value();
}

}  // namespace

Result<Workdir> Workdir::prepare(BorrowedFd workdir) {
  Workdir result;
  result.was_there_ = TRY(remove_former_directory(workdir, format::kWorkName));
  // Beyond this point no other user can reach what is in it.
  result.fd_ =
      std::make_shared<const UniqueFd>(TRY(make_own_directory(workdir, format::kWorkName)));
  if (auto heritage = sys::heritage_of(result.fd())) result.heritage_ = *heritage;
  TRY(result.probe());
  return result;
}

Workdir Workdir::adopt(UniqueFd work, const Settled& settled) {
  Workdir result;
  result.fd_ = std::make_shared<const UniqueFd>(std::move(work));
  result.was_there_ = true;
  result.features_ = settled.features;
  result.whiteout_form_ = settled.whiteout_form;
  result.prefix_ = settled.prefix;
  result.heritage_ = settled.heritage;
  return result;
}

Result<void> Workdir::probe() {
  const BorrowedFd work = fd();
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
  features_.write_order = write_order_of(work);
  features_.whiteouts = makes_whiteouts();
  if (auto unnamed = sys::open_unnamed(work, 0600)) {
    features_.unnamed_files = sys::make_link(sys::place_of(*unnamed), work, b.c_str()).has_value();
    const auto other = sys::open_unnamed(work, 0600);
    features_.reflinks = !other || !sys::clone_file(*unnamed, *other).failed_with(EOPNOTSUPP);
  }
  if (!features_.unnamed_files) TRY(sys::make_node(work, b.c_str(), S_IFREG | 0600, 0));
  features_.rename_exchange =
      sys::rename({work, a.c_str()}, {work, b.c_str()}, RENAME_EXCHANGE).has_value();
  const char* file = features_.rename_exchange ? a.c_str() : b.c_str();
  features_.rename_whiteout =
      sys::rename({work, file}, {work, c.c_str()}, RENAME_WHITEOUT).has_value();
  for (const std::string* name : {&a, &b, &c}) discard({work, name->c_str()});
  return {};
}

/// Some file systems say that they have made a device, and show something else.
bool Workdir::makes_whiteouts() {
  if (!create_whiteout({fd(), kSharedWhiteout})) return false;
  const auto made = sys::stat({fd(), kSharedWhiteout});
  if (made && is_whiteout(*made)) return true;
  discard({fd(), kSharedWhiteout});
  return false;
}

void Workdir::undo(BorrowedFd workdir) {
  discard({fd(), kSharedWhiteout});
  if (!was_there_) (void)sys::remove_directory(workdir, format::kWorkName);
}

Result<void> Workdir::mark_volatile() {
  UniqueFd directory = TRY(sys::open_at(fd(), ".", O_RDONLY | O_DIRECTORY));
  // Below "work", which is open already.
  for (const char* name : {format::kIncompatName, format::kVolatileName}) {
    // A former daemon of this mount may have made them.
    if (auto made = sys::make_directory(directory, name, 0700);
        !made && !made.failed_with(EEXIST)) {
      return made;
    }
    directory = TRY(sys::open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }
  auto made = sys::make_node(directory, format::kVolatileFileName, S_IFREG | 0600, 0);
  return made.failed_with(EEXIST) ? Result<void>() : made;
}

std::string Workdir::temporary_name() {
  return format::kTemporaryPrefix + std::to_string(next_->fetch_add(1, std::memory_order_relaxed));
}

void Workdir::discard_all() const {
  if (!fd_) return;
  std::vector<std::string> left;
  (void)sys::for_each_entry(fd(), [&](const sys::DirectoryEntry& entry) -> Result<void> {
    if (std::string_view(entry.name).starts_with(format::kTemporaryPrefix)) {
      left.emplace_back(entry.name);
    }
    return {};
  });
  for (const std::string& name : left) discard({fd(), name.c_str()});
}

Result<void> Workdir::do_without_devices(Prefix prefix) {
  features_.rename_whiteout = false;  // It would leave a device.
  whiteout_form_ = features_.has_xattrs() ? WhiteoutForm::Marked : WhiteoutForm::Named;
  prefix_ = prefix;
  if (whiteout_form_ == WhiteoutForm::Named) return {};
  return create_whiteout({fd(), kSharedWhiteout});
}

Result<void> Workdir::expect_whiteout(BorrowedFd directory) {
  if (whiteout_form_ != WhiteoutForm::Marked) return {};
  return set_has_xwhiteouts(sys::place_of(directory), prefix_);
}

Result<void> Workdir::create_whiteout(sys::Place place) {
  if (whiteout_form_ == WhiteoutForm::Device) {
    return told(sys::make_node(place.fd, place.name, S_IFCHR, 0));
  }
  TRY(told(sys::make_node(place.fd, place.name, S_IFREG | 0600, 0)));
  auto marked = set_xwhiteout(place, prefix_);
  if (!marked) discard(place);
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
  auto linked = sys::make_link({fd(), kSharedWhiteout}, directory, name);
  if (linked || linked.failed_with(EEXIST)) return linked;
  if (linked.failed_with(EXDEV) && whiteout_form_ == WhiteoutForm::Device) {
    // The directory is of another project than the workdir, which links do not cross.
    return sys::make_node(directory, name, S_IFCHR, 0);
  }
  const std::string fresh = temporary_name();
  TRY(create_whiteout({fd(), fresh.c_str()}));
  if (linked.failed_with(EMLINK)) {
    // The shared inode is full: the next whiteout becomes the new one. Racing threads may each
    // replace it, which costs an inode and nothing else.
    TRY(sys::rename({fd(), fresh.c_str()}, {fd(), kSharedWhiteout}));
    return sys::make_link({fd(), kSharedWhiteout}, directory, name);
  }
  auto moved = sys::rename({fd(), fresh.c_str()}, {directory, name}, RENAME_NOREPLACE);
  if (!moved) discard({fd(), fresh.c_str()});
  return moved;
}

Result<void> Workdir::make_whiteout(sys::Place place) {
  const auto linked = sys::make_link({fd(), kSharedWhiteout}, place.fd, place.name);
  return linked ? Result<void>() : create_whiteout(place);
}

Result<void> Workdir::told(Result<void> made) {
  if (!made.failed_with(ENOENT)) return made;
  static std::atomic_flag was_logged;
  if (!was_logged.test_and_set()) {
    log::warn(
        "'work' in the workdir was removed: another mount has the same workdir, so unmount both "
        "and check the upperdir with overpass check");
  }
  return fail(EIO);
}

void Workdir::discard(sys::Place place) {
  try {
    (void)remove_tree(place.fd, place.name);
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
