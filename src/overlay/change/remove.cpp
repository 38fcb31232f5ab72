// SPDX-License-Identifier: MIT
//
// A name that only the upper has is removed there. A name that lowers show is covered by a
// whiteout, which replaces what the upper has in one step.

#include "overlay/change/remove.h"

#include "base/scope_exit.h"
#include "overlay/change/indexed_links.h"
#include "overlay/change/note_removal.h"
#include "overlay/change/shown_entries.h"
#include "overlay/change/upper_names.h"
#include "overlay/change/whiteouts.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/copy_up/link_up.h"
#include "overlay/copy_up/note_base.h"
#include "overlay/find/lookup.h"
#include "overlay/find/protection.h"
#include "overlay/find/rule_events.h"
#include "overlay/find/ruling.h"
#include "overlay/state/links.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/names.h"

namespace overpass::overlay {

namespace {

Result<void> remove_file_unlogged(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                                  const char* name) {
  TRY(check_changeable(overlay, *directory, /*removing=*/true));
  TRY(check_removal_by_rules(overlay, *directory, name, /*is_directory=*/false));
  if (overlay.base.keeps_bases()) TRY(caller.check_may_wait());  // note_hidden() reads it.
  const InodeRef shared = TRY(shared_lower_at(overlay, directory, name));
  if (shared) TRY(copy_up_metadata(overlay, caller, shared));
  const SharedFd upper = TRY(upper_for_change(overlay, directory, /*removing=*/true));
  Discards discards;  // Discarded after the locks.
  Lock names(directory->directory->names);
  ++directory->directory->version;
  const InodeRef inode = TRY(inode_of(overlay, directory, name));
  if (inode->is_directory()) return fail(EISDIR);
  TRY(check_protection(overlay, *inode));
  note_hidden(overlay, *directory, upper->fd, name);
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

Result<void> remove_directory_unlogged(Overlay& overlay, const Caller& caller,
                                       const InodeRef& directory, const char* name) {
  TRY(check_removal_by_rules(overlay, *directory, name, /*is_directory=*/true));
  if (directory->is_directory() && !directory->directory->has_upper) {
    TRY(check_shows_nothing(overlay, caller, directory, name));
  }
  const SharedFd upper = TRY(upper_for_change(overlay, directory, /*removing=*/true));
  Discards discards;
  const ScopeExit after_the_locks([&] { discard(overlay, discards); });
  Lock names(directory->directory->names);
  ++directory->directory->version;
  const InodeRef inode = TRY(inode_of(overlay, directory, name));
  if (!inode->is_directory()) return fail(ENOTDIR);
  TRY(check_protection(overlay, *inode));
  const bool is_merged = !inode->directory->lowers.empty();
  if (is_merged) TRY(caller.check_may_wait());
  NestedLock child_names(inode->directory->names);
  SharedFd orphan = TRY(orphan_of(overlay, *inode, upper->fd, name));
  const bool needs_whiteout = orphan == nullptr || TRY(lowers_show(overlay, *directory, name));
  if ((needs_whiteout || is_merged) && !TRY(is_empty(overlay, caller, *inode)))
    return fail(ENOTEMPTY);
  note_hidden(overlay, *directory, upper->fd, name);
  Lock lock(inode->mutex);
  if (needs_whiteout) {
    TRY(replace_by_whiteout(overlay, upper->fd, name, true, discards));
  } else if (is_merged) {
    TRY(take_away(overlay, upper->fd, name, discards));
  } else {
    TRY(remove_pure_upper(overlay, caller, upper->fd, name, discards));
  }
  // Beyond this point the name is gone.
  remove_link_locked(overlay, *inode, *directory, name, std::move(orphan));
  return {};
}

}  // namespace

Result<void> remove_file(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                         const char* name) {
  const auto removed =
      or_note_all(overlay, [&] { return remove_file_unlogged(overlay, caller, directory, name); });
  note_removal(overlay, directory, name, error_of(removed));
  tell_of_name(overlay, caller, "unlink", directory, name, /*is_directory=*/false,
               error_of(removed));
  return removed;
}

Result<void> remove_directory(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                              const char* name) {
  const auto removed = or_note_all(
      overlay, [&] { return remove_directory_unlogged(overlay, caller, directory, name); });
  note_removal(overlay, directory, name, error_of(removed));
  tell_of_name(overlay, caller, "rmdir", directory, name, /*is_directory=*/true, error_of(removed));
  return removed;
}

}  // namespace overpass::overlay
