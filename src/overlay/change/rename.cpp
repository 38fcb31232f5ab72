// SPDX-License-Identifier: MIT
//
// Both ends are copied up, then one renameat2(2) moves the name in the upper and, where lowers show
// the old name, leaves a whiteout there. What is in the way at the new name is replaced by that
// same call. Where the kernel would refuse, it is made ready for that first, without a difference
// to be seen: a directory full of whiteouts changes places with an empty one. A whiteout in the way
// of a directory changes places with it.

#include "overlay/change/rename.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/scope_exit.h"
#include "layer/markers.h"
#include "layer/workdir.h"
#include "overlay/change/indexed_links.h"
#include "overlay/change/note_removal.h"
#include "overlay/change/shown_entries.h"
#include "overlay/change/upper_names.h"
#include "overlay/change/whiteouts.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/copy_up/copy_up_metadata.h"
#include "overlay/copy_up/link_up.h"
#include "overlay/copy_up/note_base.h"
#include "overlay/copy_up/staging_directory.h"
#include "overlay/find/index.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/protection.h"
#include "overlay/find/redirect.h"
#include "overlay/find/rule_events.h"
#include "overlay/find/ruling.h"
#include "overlay/open/open_file.h"
#include "overlay/state/links.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/names.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

/// One end of the rename, once its directory is in the upper and locked.
struct End {
  const InodeRef& directory;
  const char* name;
  SharedFd upper;
  InodeRef inode;             ///< Empty when the union shows nothing there.
  bool lowers_show = false;   ///< The lowers have the name: it needs a whiteout when vacated.
  bool has_whiteout = false;  ///< The upper has a whiteout there now.

  sys::Place place() const { return {upper->fd, name}; }
};

Result<InodeRef> find_inode(Overlay& overlay, const InodeRef& directory, const char* name) {
  auto inode = inode_of(overlay, directory, name);
  if (inode.failed_with(ENOENT)) return InodeRef();
  return inode;
}

/// A directory to which lowers contribute.
bool is_merged(const Inode& inode) {
  return inode.is_directory() && !inode.directory->lowers.empty();
}

bool is_metacopy(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.data_place() != nullptr;
}

bool is_indexed(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.is_indexed();
}

/// The inode to move, which must be copied up then. EXDEV when it cannot be moved. L: none.
Result<InodeRef> find_movable(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (!directory->is_directory()) return fail(ENOTDIR);
  if (!overlay.is_writable()) return fail(EROFS);
  InodeRef inode;
  {
    SharedLock names(directory->directory->names);
    inode = overlay.table.find(*directory, name);
    if (!inode) inode = TRY(inode_of(overlay, directory, name));
  }
  TRY(check_read_only_rule(overlay, *inode));
  if (is_merged(*inode) && !overlay.stack.format.writes_redirects) return fail(EXDEV);
  return current(inode);
}

/// Copies up what the rename needs in the upper, unless the rename will be refused or must wait. L:
/// none.
Result<void> copy_up_ends(Overlay& overlay, const Caller& caller, RenameEnd from, RenameEnd to,
                          bool is_exchange) {
  const InodeRef moved = TRY(find_movable(overlay, from.directory, from.name));
  TRY(check_move_by_rules(overlay, *moved, *from.directory, from.name, *to.directory, to.name));
  if (is_exchange) {
    const InodeRef other = TRY(find_movable(overlay, to.directory, to.name));
    TRY(check_metadata_copy(overlay, caller, *other));
    TRY(copy_up_metadata(overlay, caller, moved));
    return copy_up_metadata(overlay, caller, other);
  }
  if (!to.directory->is_directory()) return fail(ENOTDIR);
  // A file of several links that is replaced loses a name.
  auto replaced = shared_lower_at(overlay, to.directory, to.name);
  if (replaced.failed_with(ENOENT)) replaced = InodeRef();
  const InodeRef shared = TRY(std::move(replaced));
  if (moved->is_directory()) {
    TRY(check_shows_nothing(overlay, caller, to.directory, to.name));
  } else if (shared) {
    TRY(check_metadata_copy(overlay, caller, *shared));
  }
  TRY(copy_up_metadata(overlay, caller, moved));
  return shared ? copy_up_metadata(overlay, caller, shared) : Result<void>();
}

Result<void> resolve(Overlay& overlay, End& end) {
  end.lowers_show = TRY(lowers_show(overlay, *end.directory, end.name));
  end.inode = overlay.table.find(*end.directory, end.name);
  if (end.inode) return {};
  auto stat = sys::stat(end.place());
  if (!stat && !stat.failed_with(ENOENT)) return fail(stat.error());
  end.has_whiteout = stat && TRY(hides_in_upper(overlay, end.place(), *stat));
  const bool may_show = stat ? !end.has_whiteout : end.lowers_show;
  if (may_show) end.inode = TRY(find_inode(overlay, end.directory, end.name));
  return {};
}

/// May `from` take the place of `to`?
Result<void> check_replacement(Overlay& overlay, const Caller& caller, const End& from,
                               const End& to) {
  if (!to.inode) return {};
  if (from.inode->is_directory() && !to.inode->is_directory()) return fail(ENOTDIR);
  if (!from.inode->is_directory() && to.inode->is_directory()) return fail(EISDIR);
  if (!to.inode->is_directory()) return {};
  NestedLock names(to.inode->directory->names);
  return TRY(is_empty(overlay, caller, *to.inode)) ? Result<void>() : Result<void>(fail(ENOTEMPTY));
}

/// Without RENAME_WHITEOUT a file gets its new name as a second one, then a whiteout replaces the
/// old one. A crash between the two leaves both names. (Moved first, it would leave the lower's
/// file under the old name, which overlayfs takes for the origin of the other and refuses to show
/// both.) Nothing when the file cannot be linked. Fails only if the name has not moved.
Result<bool> rename_by_linking(Overlay& overlay, const End& from, const End& to,
                               layer::PendingUpper& whiteout) {
  layer::Workdir& workdir = overlay.stack.workdir;
  layer::PendingUpper second_name(workdir);
  if (!sys::make_link(from.place(), workdir.fd(), second_name.name())) return false;
  layer::PendingUpper replaced(workdir);
  auto kept = to.has_whiteout ? Result<void>(fail(ENOENT))
                              : sys::make_link(to.place(), workdir.fd(), replaced.name());
  TRY(second_name.publish(to.upper->fd, to.name));
  auto left = whiteout.publish(from.upper->fd, from.name);
  if (left || (!kept && !kept.failed_with(ENOENT))) return true;
  auto undone = to.has_whiteout ? whiteout.publish(to.upper->fd, to.name)
                : kept          ? replaced.publish(to.upper->fd, to.name)
                                : sys::remove_file(to.upper->fd, to.name);
  if (undone) return fail(left.error());
  return true;
}

/// Moves the name and leaves a whiteout behind. Fails only if the name has not moved.
Result<void> rename_leaving_whiteout(Overlay& overlay, const End& from, const End& to) {
  layer::Workdir& workdir = overlay.stack.workdir;
  if (workdir.whiteout_form() == layer::WhiteoutForm::Named) {
    return beside_whiteout(workdir, from.upper->fd, from.name,
                           [&] { return sys::rename(from.place(), to.place()); });
  }
  if (workdir.features().rename_whiteout) {
    return sys::rename(from.place(), to.place(), RENAME_WHITEOUT);
  }
  TRY(workdir.expect_whiteout(from.upper->fd));
  layer::PendingUpper whiteout(workdir);
  TRY(workdir.make_whiteout(whiteout.place()));
  if (!from.inode->is_directory() && TRY(rename_by_linking(overlay, from, to, whiteout))) return {};
  TRY(sys::rename(from.place(), to.place()));
  // A crash here shows the lower's object under the old name.
  auto placed = whiteout.publish(from.upper->fd, from.name);
  if (!placed && sys::rename(to.place(), from.place())) return placed;
  return {};
}

/// A directory as the union shows the one at `end`, which shows no entries: opaque and empty.
Result<std::unique_ptr<layer::PendingUpper>> make_empty_twin(Overlay& overlay, const End& end) {
  const sys::Place place = end.place();
  layer::Workdir& workdir = overlay.stack.workdir;
  auto replacement = std::make_unique<layer::PendingUpper>(
      workdir, TRY(scratch_like(workdir, place.fd, Making::Copy)));
  TRY(sys::make_directory(replacement->directory(), replacement->name(), 0700));
  TRY(layer::set_opaque(replacement->place(), overlay.stack.prefix));
  TRY(copy_metadata(overlay, layer::kUpper, place, TRY(layer_stat(overlay, layer::kUpper, place)),
                    replacement->place(), {end.directory, end.name}));
  TRY(make_movable(replacement->place()));
  return replacement;
}

/// Whether a directory can be opaque and have no entry, and change places with another.
bool has_empty_twins(const layer::Workdir& workdir) {
  return workdir.features().rename_exchange && workdir.features().has_xattrs();
}

/// Makes the upper's directory at `to`, which shows no entries, one that rename(2) replaces: its
/// whiteouts go with it to the workdir, and an empty replacement takes its place. Whether that was
/// needed.
Result<bool> clear_directory(Overlay& overlay, const End& to, Discards& discards) {
  if (!to.inode->directory->has_upper || TRY(is_bare(to.upper->fd, to.name))) return false;
  layer::Workdir& workdir = overlay.stack.workdir;
  TRY(make_movable(to.place()));
  if (!has_empty_twins(workdir)) {
    // A crash between this and the rename shows the lower directory again, unless its name is
    // hidden by another.
    if (workdir.whiteout_form() == layer::WhiteoutForm::Named) {
      (void)workdir.place_whiteout(to.upper->fd, to.name);
    }
    discards.push_back(std::make_unique<layer::PendingUpper>(workdir));
    TRY(sys::rename(to.place(), discards.back()->place()));
    return true;
  }
  discards.push_back(TRY(make_empty_twin(overlay, to)));
  TRY(discards.back()->publish(to.upper->fd, to.name, RENAME_EXCHANGE));
  return true;
}

/// Undoes clear_directory, as well as it goes. The replacement may be gone by now.
void put_back(Overlay& overlay, const End& to, Discards& discards) {
  layer::Workdir& workdir = overlay.stack.workdir;
  if (has_empty_twins(workdir) &&
      discards.back()->publish(to.upper->fd, to.name, RENAME_EXCHANGE)) {
    return;
  }
  if (discards.back()->publish(to.upper->fd, to.name)) {
    workdir.remove_whiteout_name(to.upper->fd, to.name);
  }
}

/// Marks the moved object so that it is found in full under its new name: with the place of its
/// lowers or bytes, or as opaque, so that it is not merged with what lowers show there. The result
/// belongs to the inode once it has moved.
Result<std::unique_ptr<Relocation>> mark_moved(Overlay& overlay, const End& moved,
                                               const End& target) {
  const bool same_parent = moved.directory.get() == target.directory.get();
  if (is_merged(*moved.inode)) {
    return mark_directory(overlay, *moved.inode, moved.place(), same_parent);
  }
  if (is_metacopy(*moved.inode)) {
    // The mark of an indexed file is read from the directories of its other names as well.
    const bool is_near = same_parent && !is_indexed(*moved.inode);
    TRY(mark_metacopy(overlay, *moved.directory, moved.name, moved.place(), is_near));
  } else if (moved.inode->is_directory() && target.lowers_show) {
    TRY(layer::set_opaque(moved.place(), overlay.stack.prefix));
  }
  return std::unique_ptr<Relocation>();
}

Result<void> check_rules(const Overlay& overlay, const End& moved, const End& target) {
  return check_move_by_rules(overlay, *moved.inode, *moved.directory, moved.name, *target.directory,
                             target.name);
}

/// The inode has its new name from now on.
void note_moved(Overlay& overlay, const End& moved, const End& target,
                std::unique_ptr<Relocation> relocation) REQUIRES(moved.inode->mutex) {
  if (relocation) moved.inode->make_extras().relocation = std::move(relocation);
  move_link_locked(overlay, *moved.inode, *moved.directory, moved.name, target.directory,
                   target.name);
  add_verdict(*moved.inode, verdict_of_name(overlay, *target.directory, target.name,
                                            moved.inode->is_directory()));
}

/// A directory cannot be renamed over a whiteout: they change places.
Result<void> move_over_whiteout(Overlay& overlay, const End& from, const End& to) {
  layer::Workdir& workdir = overlay.stack.workdir;
  if (!workdir.features().rename_exchange) {
    // A crash after this shows what the whiteout hid.
    TRY(sys::remove_file(to.upper->fd, to.name));
    auto moved = sys::rename(from.place(), to.place());
    if (!moved) (void)workdir.place_whiteout(to.upper->fd, to.name);
    if (!moved || !from.lowers_show) return moved;
    moved = workdir.place_whiteout(from.upper->fd, from.name);
    if (!moved) (void)sys::rename(to.place(), from.place());
    if (!moved) (void)workdir.place_whiteout(to.upper->fd, to.name);
    return moved;
  }
  if (from.lowers_show) TRY(workdir.expect_whiteout(from.upper->fd));
  TRY(sys::rename(from.place(), to.place(), RENAME_EXCHANGE));
  // Beyond this point it has happened. A whiteout that stays where none is needed hides nothing.
  if (!from.lowers_show) (void)sys::remove_file(from.upper->fd, from.name);
  return {};
}

Result<void> move(Overlay& overlay, const End& from, const End& to, Discards& discards) {
  if (from.inode->is_directory() && to.has_whiteout) {
    if (overlay.stack.workdir.whiteout_form() != layer::WhiteoutForm::Named) {
      return move_over_whiteout(overlay, from, to);
    }
    // The new whiteout has another name (".wh.NAME"), so it is not in the way.
    TRY(replace_by_whiteout(overlay, to.upper->fd, to.name, /*is_directory=*/false, discards));
  }
  const bool cleared =
      to.inode && to.inode->is_directory() && TRY(clear_directory(overlay, to, discards));
  auto moved = from.lowers_show ? rename_leaving_whiteout(overlay, from, to)
                                : sys::rename(from.place(), to.place());
  if (!moved && cleared) put_back(overlay, to, discards);
  return moved;
}

/// Gives `from` its name in the upper, if it is indexed and lacks the name. What moves from there
/// may have an origin, and its new directory has to say so. (The link may be what made the old one
/// impure.)
Result<void> prepare_move(Overlay& overlay, const End& from, const End& to) {
  note_hidden(overlay, *from.directory, from.upper->fd, from.name);
  TRY(link_up(overlay, *from.inode, *from.directory, from.upper->fd, from.name));
  TRY(check_upper(overlay, *from.inode, from.place()));
  if (from.directory.get() == to.directory.get()) return {};
  if (!is_impure(overlay, *from.directory, from.upper->fd)) return {};
  return mark_impure(overlay, *to.directory, to.upper->fd);
}

Result<void> replace(Overlay& overlay, const Caller& caller, const End& from, const End& to,
                     Discards& discards) {
  TRY(check_replacement(overlay, caller, from, to));
  SharedFd orphan;
  TRY(prepare_move(overlay, from, to));
  if (to.inode) {
    note_hidden(overlay, *to.directory, to.upper->fd, to.name);
    TRY(link_up(overlay, *to.inode, *to.directory, to.upper->fd, to.name));
  }
  if (to.inode) orphan = TRY(orphan_of(overlay, *to.inode, to.upper->fd, to.name));
  auto relocation = TRY(mark_moved(overlay, from, to));
  {
    Inode& replaced = to.inode ? *to.inode : *from.inode;
    LockPair locks(from.inode->mutex, replaced.mutex);
    outdate_copy(*from.inode);  // Also by a move that fails halfway.
    if (to.inode) TRY(begin_removal(overlay, *to.inode));
    TRY(move(overlay, from, to, discards));
    // Beyond this point the rename has happened.
    overlay.mount.note_done(caller.request);
    if (to.inode) {
      drop_index_of_last(overlay, *to.inode);
      remove_link_locked(overlay, *to.inode, *to.directory, to.name, std::move(orphan));
    }
    note_moved(overlay, from, to, std::move(relocation));
    overlay.stack.workdir.remove_whiteout_name(to.upper->fd, to.name);
  }
  if (to.inode && !to.inode->is_directory()) drop_idle_backing(overlay.idle_backings, *to.inode);
  return {};
}

Result<void> exchange(Overlay& overlay, const Caller& caller, const End& from, const End& to) {
  if (!to.inode) return fail(ENOENT);
  TRY(prepare_move(overlay, from, to));
  TRY(prepare_move(overlay, to, from));
  auto from_relocation = TRY(mark_moved(overlay, from, to));
  auto to_relocation = TRY(mark_moved(overlay, to, from));
  LockPair locks(from.inode->mutex, to.inode->mutex);
  TRY(sys::rename(from.place(), to.place(), RENAME_EXCHANGE));
  overlay.mount.note_done(caller.request);
  note_moved(overlay, from, to, std::move(from_relocation));
  note_moved(overlay, to, from, std::move(to_relocation));
  return {};
}

Result<void> rename_unlogged(Overlay& overlay, const Caller& caller, RenameEnd from_name,
                             RenameEnd to_name, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) {
    return fail(EINVAL);
  }
  TRY(check_new_name(*to_name.directory, to_name.name));
  if (overlay.base.keeps_bases()) TRY(caller.check_may_wait());  // note_hidden() reads what goes.
  TRY(copy_up_ends(overlay, caller, from_name, to_name, (flags & RENAME_EXCHANGE) != 0));
  SharedFd from_upper = TRY(upper_for_change(overlay, from_name.directory, /*removing=*/true));
  SharedFd to_upper = TRY(upper_for_change(overlay, to_name.directory));
  End from = {from_name.directory, from_name.name, std::move(from_upper), {}};
  End to = {to_name.directory, to_name.name, std::move(to_upper), {}};
  Discards discards;
  const ScopeExit after_the_locks([&] { discard(overlay, discards); });
  LockPair names(from.directory->directory->names, to.directory->directory->names);
  ++from.directory->directory->version;
  ++to.directory->directory->version;
  TRY(resolve(overlay, from));
  TRY(resolve(overlay, to));
  if (!from.inode) return fail(ENOENT);
  if (from.inode.get() == to.inode.get()) return {};  // Two links of one file: rename(2).
  if ((flags & RENAME_NOREPLACE) != 0 && to.inode) return fail(EEXIST);
  TRY(check_rules(overlay, from, to));
  if ((flags & RENAME_EXCHANGE) != 0 && to.inode) TRY(check_rules(overlay, to, from));
  TRY(check_protection(overlay, *from.inode));
  if (to.inode) {
    TRY(check_protection(overlay, *to.inode));
    TRY(check_protection(overlay,
                         *to.directory));  // A name goes there, which is more than appending.
  }
  return (flags & RENAME_EXCHANGE) != 0 ? exchange(overlay, caller, from, to)
                                        : replace(overlay, caller, from, to, discards);
}

}  // namespace

Result<void> rename(Overlay& overlay, const Caller& caller, RenameEnd from_name, RenameEnd to_name,
                    unsigned flags) {
  const auto renamed = or_note_all(
      overlay, [&] { return rename_unlogged(overlay, caller, from_name, to_name, flags); });
  note_rename(overlay, from_name.directory, from_name.name, to_name.directory, to_name.name, flags,
              error_of(renamed));
  tell_of_move(overlay, caller, from_name.directory, from_name.name, to_name.directory,
               to_name.name, error_of(renamed));
  return renamed;
}

}  // namespace overpass::overlay
