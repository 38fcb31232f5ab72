// SPDX-License-Identifier: MIT
//
// A name that only the upper has is removed there. A name that lowers show is covered by a
// whiteout, which replaces what the upper has in one step.

#include "overlay/change/remove.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <vector>

#include "base/scope_exit.h"
#include "layer/markers.h"
#include "overlay/change/indexed_links.h"
#include "overlay/change/upper_names.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/copy_up/link_up.h"
#include "overlay/copy_up/staging_directory.h"
#include "overlay/find/index.h"
#include "overlay/find/list_lowers.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/protection.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/open/open_file.h"
#include "overlay/state/copy_up_caller.h"
#include "overlay/state/links.h"
#include "overlay/state/must_wait.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/fatal_signal.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

bool in_upper(const Inode& inode) {
  if (inode.is_directory()) return inode.directory->has_upper;
  Lock lock(inode.mutex);
  return inode.layer == layer::kUpper;
}

/// A directory whose file is this large may take long to be gone through.
constexpr uint64_t kLargeDirectory = 64 << 10;

bool is_large_directory(const sys::Stat& stat) {
  return sys::is_directory(stat) && stat.stx_size >= kLargeDirectory;
}

/// EINTR if the caller was killed meanwhile; looks at it at some of the `steps` of a long way.
Result<void> check_is_awaited(size_t steps) {
  constexpr size_t kStepsBetweenLooks = 1024;
  const bool looks = steps % kStepsBetweenLooks == 0;
  return looks && sys::is_being_killed(current_caller().thread) ? Result<void>(fail(EINTR))
                                                                : Result<void>();
}

/// What the upper part of a directory contains, as far as the union is concerned.
struct UpperContent {
  bool shows_entries = false;
  std::vector<std::string> whiteouts;  ///< Of both forms.
};

/// Whether the entry, of the directory open at `fd`, only hides what lowers have under its name.
Result<bool> hides(const Overlay& overlay, BorrowedFd fd, const sys::DirectoryEntry& entry) {
  if (layer::is_whiteout_name(entry.name)) return true;
  const bool foreign = overlay.stack.upper().foreign_marks;
  if (entry.type == DT_DIR || entry.type == DT_LNK || (entry.type == DT_REG && !foreign)) {
    return false;
  }
  const sys::Place place = {fd, entry.name.data()};
  const sys::Stat stat = TRY(sys::stat(place));
  return hides_in_upper(overlay, place, stat);
}

/// To what shows in it, or to its end.
Result<UpperContent> read_upper(const Overlay& overlay, BorrowedFd directory) {
  UpperContent content;
  const UniqueFd fd = TRY(sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY));
  sys::DirectoryStream stream(fd);
  while (const auto entry = TRY(stream.next())) {
    if (entry->name == "." || entry->name == "..") continue;
    content.shows_entries = !TRY(hides(overlay, fd, *entry));
    if (content.shows_entries) break;
    content.whiteouts.emplace_back(entry->name);
    TRY(check_is_awaited(content.whiteouts.size()));
  }
  return content;
}

/// Whether every name that the lowers of `directory` show is hidden by its upper.
Result<bool> all_lowers_hidden(Overlay& overlay, Inode& directory) {
  if (directory.directory->lowers.empty()) return true;
  const auto listing = TRY(lower_names_of(overlay, directory));
  size_t steps = 0;
  for (const LowerName& name : listing->all()) {
    TRY(check_is_awaited(++steps));
    auto found = find_in_layers(overlay, directory, std::string(listing->text_of(name)).c_str());
    // What may not be followed is an entry as well.
    if (found || found.failed_with(EPERM)) return false;
    if (!found.failed_with(ENOENT)) return fail(found.error());
  }
  return true;
}

}  // namespace

bool removal_takes_long(Overlay& overlay, const Inode& directory, const char* name) {
  const InodeRef inode = overlay.table.find(directory, name);
  if (!inode) return false;
  return inode->is_directory() ? !inode->directory->lowers.empty() : is_shared_lower(*inode);
}

Result<void> check_upper(const Overlay& overlay, Inode& inode, sys::Place place) {
  const auto stat = stat_with_kept_mode(place);
  if (!stat) return fail(stat.failed_with(ENOENT) ? ESTALE : to_int(stat.error()));
  if (!inode.is_directory()) {
    Lock lock(inode.mutex);
    return check_recognized(overlay, inode, layer::kUpper, *stat);
  }
  if (identity_of(*stat) == inode.directory->upper_identity()) return {};
  inode.is_stale = true;
  return fail(ESTALE);
}

Result<SharedFd> orphan_of(const Overlay& overlay, Inode& inode, BorrowedFd upper,
                           const char* name) {
  if (!in_upper(inode)) return SharedFd();
  auto file = sys::open_at(upper, name, O_PATH);
  if (!file) return fail(file.failed_with(ENOENT) ? ESTALE : to_int(file.error()));
  TRY(check_upper(overlay, inode, sys::place_of(*file)));
  return SharedFd(std::make_shared<CachedFd>(std::move(*file)));
}

Result<void> remove_pure_upper(Overlay& overlay, BorrowedFd upper, const char* name,
                               Discards& discards) {
  auto removed = sys::remove_directory(upper, name);
  if (!removed.failed_with(ENOTEMPTY)) return removed;
  const ScopedReadable sight({upper, name});
  const UniqueFd fd = TRY(sys::open_at(upper, name, O_RDONLY | O_DIRECTORY));
  const bool is_large = is_large_directory(TRY(sys::stat(sys::place_of(fd))));
  if (is_large && overlay.background != nullptr && !acts_for_caller()) return fail(kMustWait);
  const UpperContent content = TRY(read_upper(overlay, fd));
  if (content.shows_entries) return fail(ENOTEMPTY);
  if (is_large) return take_away(overlay, upper, name, discards);
  // Left over from a time when it was merged, or that it is opaque. With these gone it shows the
  // same: nothing.
  for (const std::string& whiteout : content.whiteouts) {
    TRY(sys::remove_file(fd, whiteout.c_str()));
  }
  return sys::remove_directory(upper, name);
}

Result<bool> is_bare(const Overlay& overlay, BorrowedFd upper, const char* name) {
  const UniqueFd fd = TRY(sys::open_at(upper, name, O_RDONLY | O_DIRECTORY));
  const UpperContent content = TRY(read_upper(overlay, fd));
  return !content.shows_entries && content.whiteouts.empty();
}

Result<void> make_movable(sys::Place directory) {
  if (::geteuid() == 0) return {};
  const sys::Stat stat = TRY(sys::stat(directory));
  if ((stat.stx_mode & S_IRWXU) == S_IRWXU) return {};
  return sys::change_mode(directory, (stat.stx_mode & 07777) | S_IRWXU);
}

void discard(const Overlay& overlay, Discards& discards) {
  if (overlay.background == nullptr) return;  // They go with the vector.
  for (auto& leftover : discards) {
    const auto stat = sys::stat(leftover->place());
    if (!stat || !is_large_directory(*stat)) continue;
    try {
      overlay.background->submit([gone = std::move(leftover)]() mutable { gone.reset(); });
    } catch (const std::exception&) {
      // No memory: it went with the task.
    }
  }
}

Result<void> take_away(Overlay& overlay, BorrowedFd upper, const char* name, Discards& discards) {
  TRY(make_movable({upper, name}));
  auto removed = std::make_unique<layer::PendingUpper>(overlay.stack.workdir);
  auto moved = sys::rename({upper, name}, removed->place());
  if (moved.failed_with(EXDEV)) {
    removed = std::make_unique<layer::PendingUpper>(
        overlay.stack.workdir, TRY(scratch_like(overlay.stack.workdir, upper, Making::Copy)));
    moved = sys::rename({upper, name}, removed->place());
  }
  TRY(std::move(moved));
  discards.push_back(std::move(removed));
  return {};
}

Result<void> beside_whiteout(layer::Workdir& workdir, BorrowedFd upper, const char* name,
                             const std::function<Result<void>()>& change) {
  const auto placed = workdir.place_whiteout(upper, name);
  if (!placed && !placed.failed_with(EEXIST)) return placed;
  auto changed = change();
  if (!changed && placed) workdir.remove_whiteout_name(upper, name);
  return changed;
}

namespace {

/// Puts a whiteout, made in `scratch` or in the workdir, in the place of what the upper has.
Result<void> exchange_for_whiteout(Overlay& overlay, BorrowedFd upper, const char* name,
                                   bool is_directory, Discards& discards,
                                   std::shared_ptr<const layer::Scratch> scratch) {
  layer::Workdir& workdir = overlay.stack.workdir;
  auto whiteout = std::make_unique<layer::PendingUpper>(workdir, std::move(scratch));
  TRY(workdir.make_whiteout(whiteout->place()));
  if (!is_directory) return whiteout->publish(upper, name);
  if (!workdir.features().rename_exchange) {
    // Without RENAME_EXCHANGE a crash between these two steps shows the lower directory again.
    TRY(take_away(overlay, upper, name, discards));
    auto published = whiteout->publish(upper, name);
    if (!published) (void)discards.back()->publish(upper, name);
    return published;
  }
  TRY(make_movable({upper, name}));
  TRY(whiteout->publish(upper, name, RENAME_EXCHANGE));
  discards.push_back(std::move(whiteout));
  return {};
}

}  // namespace

Result<void> replace_by_whiteout(Overlay& overlay, BorrowedFd upper, const char* name,
                                 bool is_directory, Discards& discards) {
  layer::Workdir& workdir = overlay.stack.workdir;
  if (workdir.whiteout_form() == layer::WhiteoutForm::Named) {
    return beside_whiteout(workdir, upper, name, [&]() -> Result<void> {
      auto removed =
          is_directory ? take_away(overlay, upper, name, discards) : sys::remove_file(upper, name);
      return removed.failed_with(ENOENT) ? Result<void>() : removed;
    });
  }
  auto placed = workdir.place_whiteout(upper, name);
  if (!placed.failed_with(EEXIST)) return placed;
  // place_whiteout() has made the directory ready for it.
  auto replaced = exchange_for_whiteout(overlay, upper, name, is_directory, discards, nullptr);
  if (!replaced.failed_with(EXDEV)) return replaced;
  // Directories of different projects give nothing to each other.
  auto scratch = TRY(scratch_like(workdir, upper, Making::Copy));
  if (!scratch) return replaced;
  return exchange_for_whiteout(overlay, upper, name, is_directory, discards, std::move(scratch));
}

Result<bool> is_empty(Overlay& overlay, Inode& directory) {
  std::optional<ScopedReadable> sight;
  if (directory.directory->has_upper) {
    const SharedFd fd = TRY(directory_fd(overlay, directory, layer::kUpper));
    sight.emplace(sys::place_of(fd->fd));
    if (TRY(read_upper(overlay, fd->fd)).shows_entries) return false;
  }
  return all_lowers_hidden(overlay, directory);
}

Result<void> check_shows_nothing(Overlay& overlay, const InodeRef& directory, const char* name) {
  Lock names(directory->directory->names);
  const InodeRef inode = overlay.table.find(*directory, name);
  if (!inode || !inode->is_directory() || inode->directory->lowers.empty()) return {};
  NestedLock child_names(inode->directory->names);
  return TRY(is_empty(overlay, *inode)) ? Result<void>() : Result<void>(fail(ENOTEMPTY));
}

Result<void> remove_file(Overlay& overlay, const InodeRef& directory, const char* name) {
  const SharedFd upper = TRY(upper_for_change(overlay, directory, /*removing=*/true));
  TRY(copy_up_shared(overlay, directory, name));
  Discards discards;  // Discarded after the locks.
  Lock names(directory->directory->names);
  ++directory->directory->version;
  const InodeRef inode = TRY(inode_of(overlay, directory, name));
  if (inode->is_directory()) return fail(EISDIR);
  TRY(check_protection(*inode));
  TRY(link_up(overlay, *inode, *directory, upper->fd, name));
  SharedFd orphan = TRY(orphan_of(overlay, *inode, upper->fd, name));
  const bool needs_whiteout = orphan == nullptr || TRY(lowers_show(overlay, *directory, name));
  {
    Lock lock(inode->mutex);
    TRY(begin_removal(overlay, *inode));
    if (needs_whiteout) {
      TRY(replace_by_whiteout(overlay, upper->fd, name, false, discards));
    } else {
      TRY(sys::remove_file(upper->fd, name));
    }
    // Beyond this point the name is gone.
    drop_index_of_last(overlay, *inode);
    remove_link_locked(overlay, *inode, *directory, name, std::move(orphan));
  }
  drop_idle_backing(overlay.idle_backings, *inode);
  return {};
}

Result<void> remove_directory(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (directory->is_directory() && !directory->directory->has_upper) {
    TRY(check_shows_nothing(overlay, directory, name));
  }
  const SharedFd upper = TRY(upper_for_change(overlay, directory, /*removing=*/true));
  Discards discards;
  const ScopeExit after_the_locks([&] { discard(overlay, discards); });
  Lock names(directory->directory->names);
  ++directory->directory->version;
  const InodeRef inode = TRY(inode_of(overlay, directory, name));
  if (!inode->is_directory()) return fail(ENOTDIR);
  TRY(check_protection(*inode));
  NestedLock child_names(inode->directory->names);
  SharedFd orphan = TRY(orphan_of(overlay, *inode, upper->fd, name));
  const bool needs_whiteout = orphan == nullptr || TRY(lowers_show(overlay, *directory, name));
  const bool is_merged = !inode->directory->lowers.empty();
  if ((needs_whiteout || is_merged) && !TRY(is_empty(overlay, *inode))) return fail(ENOTEMPTY);
  Lock lock(inode->mutex);
  if (needs_whiteout) {
    TRY(replace_by_whiteout(overlay, upper->fd, name, true, discards));
  } else if (is_merged) {
    TRY(take_away(overlay, upper->fd, name, discards));
  } else {
    TRY(remove_pure_upper(overlay, upper->fd, name, discards));
  }
  // Beyond this point the name is gone.
  remove_link_locked(overlay, *inode, *directory, name, std::move(orphan));
  return {};
}

}  // namespace overpass::overlay
