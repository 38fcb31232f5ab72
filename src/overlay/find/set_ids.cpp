// SPDX-License-Identifier: MIT
//
// A caller's rights are read from /proc, and only if the fate of some bit depends on them.

#include "overlay/find/set_ids.h"

#include <sys/stat.h>

#include <algorithm>

#include "overlay/find/layer_stat.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/thread_status.h"

namespace overpass::overlay {

namespace {

/// Whether the capabilities of `caller` count for files of the mount. Root of the mount's namespace
/// owns what root owns there, also when it acts in a namespace below.
bool count_for_files(const Caller& caller, const sys::ThreadRights& rights) {
  return rights.shares_namespace || (rights.hides_namespace && caller.uid == 0);
}

}  // namespace

bool keeps_all_set_ids(const Caller& caller) {
  if (caller.lacks_fsetid) return !*caller.lacks_fsetid;
  const auto rights = sys::rights_of(caller.thread);
  return rights && rights->in_initial_namespace && rights->has_fsetid();
}

bool keeps_group_mark(const Caller& caller, gid_t of_file) {
  if (caller.gid == of_file) return true;
  const auto rights = sys::rights_of(caller.thread);
  if (!rights) return false;
  const auto& groups = rights->groups;
  return (rights->has_fsetid() && count_for_files(caller, *rights)) ||
         std::find(groups.begin(), groups.end(), of_file) != groups.end();
}

bool may_change_mode_of(const Caller& caller, uid_t owner) {
  if (caller.uid == owner) return true;
  const auto rights = sys::rights_of(caller.thread);
  return rights && rights->has_fowner() && count_for_files(caller, *rights);
}

mode_t bits_lost_by_write(const Caller& caller, const sys::Stat& shown) {
  const bool is_at_stake = S_ISREG(shown.stx_mode) && (shown.stx_mode & (S_ISUID | S_ISGID)) != 0;
  return is_at_stake && !keeps_all_set_ids(caller) ? bits_lost_by_chown(caller, shown) : 0;
}

mode_t bits_lost_by_chown(const Caller& caller, const sys::Stat& shown) {
  const mode_t bits = shown.stx_mode & (S_ISUID | S_ISGID);
  if (S_ISDIR(shown.stx_mode) || bits == 0) return 0;
  const bool is_group_mark = (bits & S_ISGID) != 0 && (shown.stx_mode & S_IXGRP) == 0;
  return is_group_mark && keeps_group_mark(caller, shown.stx_gid) ? bits & S_ISUID : bits;
}

bool take_set_ids(const Overlay& overlay, sys::Place place, const Caller& caller) {
  // There the kernel changes the mode (fuse/negotiate.cpp), and no bit is in the inode.
  if (upper_overrides(overlay)) return false;
  auto stat = sys::stat(place);
  return stat && take_set_ids(overlay, place, *stat, caller);
}

bool take_set_ids(const Overlay& overlay, sys::Place place, sys::Stat& stat, const Caller& caller) {
  if (upper_overrides(overlay) || (stat.stx_mode & (S_ISUID | S_ISGID)) == 0) return false;
  sys::Stat shown = stat;
  overlay.settings.owners.show(shown);
  const mode_t lost = bits_lost_by_write(caller, shown);
  const mode_t left = stat.stx_mode & 07777 & ~lost;
  const sys::KeepingSetgid keeping((left & S_ISGID) != 0);
  // Bits that cannot be taken here fall with the change, which is made without CAP_FSETID then.
  if (lost != 0 && !sys::change_mode(place, left)) return false;
  stat.stx_mode = static_cast<uint16_t>(stat.stx_mode & ~lost);
  return (left & (S_ISUID | S_ISGID)) != 0;
}

}  // namespace overpass::overlay
