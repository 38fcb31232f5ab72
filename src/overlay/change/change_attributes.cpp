// SPDX-License-Identifier: MIT
//
// Changes are made one system call each, in the order in which one would undo another: owner (drops
// set-id bits), mode, size (touches times), times.

#include "overlay/change/change_attributes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "layer/stat_override.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/attributes.h"
#include "overlay/find/content.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/locate.h"
#include "overlay/find/protection.h"
#include "overlay/find/rule_events.h"
#include "overlay/find/ruling.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/find/scoped_writable.h"
#include "overlay/open/open_file.h"
#include "overlay/state/copy_up_progress.h"
#include "overlay/state/links.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/credentials.h"

namespace overpass::overlay {

namespace {

constexpr uid_t kUnchanged = static_cast<uid_t>(-1);
constexpr timespec kOmit = {0, UTIME_OMIT};

/// The ids of `changes` as those on disk. One that is squashed to what it is to become stays.
Result<Changes> with_ids_on_disk(const Owners& owners, Changes changes) {
  if (changes.uid && changes.uid != kUnchanged) {
    const bool is_shown = changes.uid == owners.squash_user;
    changes.uid = is_shown ? kUnchanged : TRY(owners.user_on_disk(*changes.uid));
  }
  if (changes.gid) {
    const bool is_shown = changes.gid == owners.squash_group;
    changes.gid = is_shown ? kUnchanged : TRY(owners.group_on_disk(*changes.gid));
  }
  return changes;
}

/// Owner and mode where they are kept in an attribute. Set-id bits that a change costs come as a
/// change of the mode then (negotiate.cpp).
Result<void> change_override(const Overlay& overlay, sys::Place place, const Changes& changes) {
  if (!changes.uid && !changes.gid && !changes.mode) return {};
  sys::Stat stat = TRY(layer_stat(overlay, layer::kUpper, place));
  if (changes.uid && changes.uid != kUnchanged) stat.stx_uid = *changes.uid;
  if (changes.gid && changes.gid != kUnchanged) stat.stx_gid = *changes.gid;
  const mode_t type = stat.stx_mode & S_IFMT;
  if (changes.mode) stat.stx_mode = static_cast<uint16_t>(type | (*changes.mode & 07777));
  return layer::write_override(place, overlay.stack.upper().stat_override, stat);
}

/// The mode of a file with a set-group-ID bit that gives no privilege, because its group may not
/// execute the file. Nothing for other files. A change of owner by a member of the group keeps that
/// bit; all other set-id bits always fall.
struct GroupMark {
  bool is_kept = false;
  std::optional<mode_t> mode_without;  ///< Where it has to fall.
};

GroupMark group_mark(const Overlay& overlay, const Caller& caller, sys::Place place) {
  auto stat = sys::stat(place);
  if (!stat || S_ISDIR(stat->stx_mode)) return {};
  if ((stat->stx_mode & (S_ISGID | S_IXGRP)) != S_ISGID) return {};
  overlay.settings.owners.show(*stat);
  if (keeps_group_mark(caller, stat->stx_gid)) return {.is_kept = true, .mode_without = {}};
  return {.is_kept = false, .mode_without = stat->stx_mode & 07777 & ~(S_ISUID | S_ISGID)};
}

Result<void> change_owner_and_mode(const Overlay& overlay, const Caller& caller, sys::Place place,
                                   const Changes& changes) {
  if (changes.uid || changes.gid) {
    const GroupMark mark = group_mark(overlay, caller, place);
    const sys::KeepingSetgid keeping(mark.is_kept);
    const auto changed = sys::change_owner(place, changes.uid.value_or(kUnchanged),
                                           changes.gid.value_or(kUnchanged));
    if (!changed && !overlay.settings.owners.may_stay(changed)) return changed;
    // The daemon may be in the group.
    if (mark.mode_without) TRY(sys::change_mode(place, *mark.mode_without));
  }
  if (changes.mode) {
    // The kernel, which knows the caller's groups, has decided whether the caller may set this bit.
    const sys::KeepingSetgid keeping((*changes.mode & S_ISGID) != 0);
    TRY(sys::change_mode(place, *changes.mode));
    keep_new_mode(place, *changes.mode);
  }
  return {};
}

Result<void> apply(const Overlay& overlay, const Caller& caller, sys::Place place,
                   const Changes& changes, OpenFile* open) {
  TRY(upper_overrides(overlay) ? change_override(overlay, place, changes)
                               : change_owner_and_mode(overlay, caller, place, changes));
  if (changes.size) {
    const sys::KeepingSetgid keeping(take_set_ids(overlay, place, caller));
    if (open != nullptr && open->has_writable_fd()) {
      TRY(sys::change_size_of_open(open->fd(), *changes.size));
    } else {
      const UniqueFd file = TRY(open_regular(place, O_WRONLY));
      TRY(sys::change_size_of_open(file, *changes.size));
    }
  }
  if (changes.access_time || changes.modification_time) {
    TRY(sys::change_times(place, changes.access_time.value_or(kOmit),
                          changes.modification_time.value_or(kOmit)));
  }
  return {};
}

/// A copy-up of the data at the same time must not put back the former times. REQUIRES: the file is
/// located, which holds its mutex.
void note_changes(const Inode& inode, const Changes& changes) NO_THREAD_SAFETY_ANALYSIS {
  if (!inode.extras || !inode.extras->copy_up) return;
  CopyUnderWay& copy = *inode.extras->copy_up;
  if (changes.mode || changes.uid || changes.gid) copy.note_mode_change();
  copy.note_times(changes.access_time, changes.modification_time);
}

/// What is copied of the attributes is out of date, also if not all changes can be made. REQUIRES:
/// the file is located, which holds its mutex.
void outdate(Inode& inode, const Changes& changes) NO_THREAD_SAFETY_ANALYSIS {
  if (inode.is_directory()) return;
  outdate_copy(inode);
  if (changes.size) outdate_copied_content(inode);
}

/// A truncation parts the file from what readers of the lower hold.
void part_from_readers(Overlay& overlay, const InodeRef& inode) {
  {
    Lock lock(inode->mutex);
    if (inode->superseded || inode->opens == nullptr || !inode->opens->readers_hold_lower()) return;
    supersede_locked(overlay, inode);
    inode->extras->successor->diverged = true;
  }
  overlay.mount.attributes_changed(inode->id);
}

}  // namespace

namespace {

Result<sys::Stat> change_unlogged(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                                  const Changes& asked, OpenFile* open);

/// utimensat(2) without times, which an append-only file takes as it takes bytes.
bool only_touches(const Changes& changes) {
  const auto is_now = [](const std::optional<timespec>& time) {
    return time && time->tv_nsec == UTIME_NOW;
  };
  return is_now(changes.access_time) && is_now(changes.modification_time) && !changes.mode &&
         !changes.uid && !changes.gid;
}

/// A request of the kernel for this alone comes from chown(path, -1, -1), which takes the right to
/// change the mode if it costs bits; or from a write, before it. Then the write itself takes the
/// bits that must fall; the request may have been sent because of capabilities alone.
Result<sys::Stat> lose_set_ids(Overlay& overlay, const Caller& caller, const InodeRef& inode) {
  const InodeRef target = current(inode);
  const sys::Stat before = TRY(attributes(overlay, target));
  if (bits_lost_by_chown(caller, before) == 0) return before;
  const bool may_be_of_write = may_be_written(*target);
  if (!may_change_mode_of(caller, before.stx_uid)) {
    return may_be_of_write ? Result<sys::Stat>(before) : fail(EPERM);
  }
  if (may_be_of_write && keeps_all_set_ids(caller)) return before;
  Changes changes;
  changes.uid = kUnchanged;
  return change_unlogged(overlay, caller, target, changes, nullptr);
}

Result<sys::Stat> change_unlogged(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                                  const Changes& asked, OpenFile* open) {
  if (asked.costs_only_set_ids) return lose_set_ids(overlay, caller, inode);
  const Changes changes = TRY(with_ids_on_disk(overlay.settings.owners, asked));
  InodeRef target = current(inode);
  if (changes.size) {
    TRY(check_deny_rule(overlay, *target));
    TRY(copy_up(overlay, caller, target, *changes.size));
    part_from_readers(overlay, target);
    target = current(target);
  } else {
    const bool is_touch = only_touches(changes);
    if (is_touch) TRY(check_protection(overlay, *target, /*appending=*/true));
    TRY(copy_up_metadata(overlay, caller, target, is_touch || changes.is_late_time));
  }
  std::optional<ModeChange> mode_change;
  if (changes.mode && target->is_directory()) mode_change.emplace(*target);
  // A writer has the upper's file open: that is the one to be changed.
  const bool has_file = open != nullptr && open->has_writable_fd();
  Located located = TRY(current_located(overlay, target, has_file ? locate : held));
  if (has_file) located.borrow(open->fd());
  outdate(*target, changes);
  TRY(apply(overlay, caller, located.place(), changes, open));
  note_changes(*target, changes);
  return attributes_of_located(overlay, *target, located);
}

}  // namespace

Result<sys::Stat> change_attributes(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                                    const Changes& asked, OpenFile* open) {
  auto changed = change_unlogged(overlay, caller, inode, asked, open);
  tell_of(overlay, caller, "change", *inode, error_of(changed), /*always=*/false);
  return changed;
}

}  // namespace overpass::overlay
