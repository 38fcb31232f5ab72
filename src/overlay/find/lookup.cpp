// SPDX-License-Identifier: MIT
//
// Finds or makes the inode for an object in the layers.

#include "overlay/find/lookup.h"

#include "layer/markers.h"
#include "overlay/find/attributes.h"
#include "overlay/find/index.h"
#include "overlay/find/look_at_name.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/ruling.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/links.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

/// Whether other names of the file may be looked up later.
bool may_have_other_names(const Found& found) {
  return found.layer != layer::kUpper || found.stat.stx_nlink > 1 || found.index;
}

/// A new inode that no name leads to.
InodeRef make_inode(Overlay& overlay, Found& found) {
  const uint64_t number = overlay.numbers.number(found.origin.device, found.origin.ino);
  InodeRef inode = overlay.table.make(number, found.stat.stx_mode & S_IFMT);
  describe(*inode, found);
  return inode;
}

/// The answer as long as the inode is in memory, which is for long.
std::unexpected<Errno> refuse(Overlay& overlay, const InodeRef& inode) {
  if (!inode->is_refused.exchange(true)) {
    overlay.refused.keep(std::make_shared<RefusedInode>(inode));
  }
  return fail(ESTALE);
}

/// Whether the inode that is known by the number of what was found is that object.
bool is_still(Inode& known, const Found& found) {
  Lock lock(known.mutex);
  return known.layer != found.layer || known.known.identity() == found.known.identity();
}

}  // namespace

FileKey key_of(const Found& found) {
  if (sys::is_directory(found.stat) || found.is_new) return {};
  if (found.layer != layer::kUpper) return found.shared_lower;
  return {sys::device_of(found.stat), found.stat.stx_ino};
}

FileKey shared_key_of(const Found& found) {
  return may_have_other_names(found) ? key_of(found) : FileKey();
}

void describe(Inode& inode, Found& found) {
  const sys::Stat& stat = found.stat;
  if (sys::is_directory(stat)) {
    inode.directory = std::make_unique<Directory>();
    const bool in_upper = found.layer == layer::kUpper;
    inode.directory->has_upper = in_upper;
    if (in_upper) inode.directory->set_upper_identity(found.known.identity());
    inode.directory->lowers = std::move(found.lowers);
    inode.directory->lower_identities = std::move(found.lower_identities);
  }
  inode.is_immutable = found.protection.immutable;
  inode.is_append_only = found.protection.append_only;
  Lock lock(inode.mutex);
  if (!sys::is_directory(stat)) inode.layer = found.layer;
  inode.known = found.known;
  if (found.layer != layer::kUpper && S_ISREG(stat.stx_mode)) {
    inode.lower_version = version_of(stat);
  }
  if (found.relocation) inode.make_extras().relocation = std::move(found.relocation);
  if (found.data) inode.make_extras().data = std::move(found.data);
  if (found.index) {
    inode.make_extras().index_name = std::move(found.index->name);
    inode.make_extras().lower_nlink = found.index->lower_nlink;
    inode.nlink_difference = found.index->nlink_difference;
  }
}

Result<Entry> enter(Overlay& overlay, const InodeRef& directory, const char* name, Found found) {
  const rules::Verdict verdict =
      verdict_of_name(overlay, *directory, name, sys::is_directory(found.stat));
  if (verdict.has(rules::Action::Hide)) return fail(ENOENT);
  if (found.data) found.stat.stx_blocks = found.data->blocks;
  const bool in_upper = found.layer == layer::kUpper;
  const FileKey key = key_of(found);
  auto is_name_of = [&](const InodeRef& known) -> Result<Entry> {
    add_verdict(*known, verdict);
    add_link(overlay, known, directory, name);
    if (found.index) count_new_names(*known, found.index->lower_nlink);
    // An object found in a lower may have been copied up since.
    if (!in_upper) return entry_of(overlay, known);
    {
      Lock lock(known->mutex);
      overlay.table.know(*known, found.known);
    }
    return Entry{known, shown(overlay, *known, found.stat)};
  };
  if (key != FileKey()) {
    const InodeRef known = overlay.table.find_by_key(key);
    if (known && is_still(*known, found)) return is_name_of(known);
    if (known) forget_names(overlay, *known);  // Its number has been given to another file.
  }
  const InodeRef inode = make_inode(overlay, found);
  pass_on_rules(overlay, *directory, name, verdict, *inode);
  if (inode->is_directory()) {
    const HiddenNames* all = overlay.table.root().directory->hidden.get();
    pass_on_hidden(all, *directory, name, *inode);
  }
  const InodeRef entered = add_first_link(overlay, inode, directory, name, shared_key_of(found));
  if (entered.get() != inode.get()) {
    // Another thread was faster, and may have found another object under the name.
    add_verdict(*entered, verdict);
    add_link(overlay, entered, directory, name);
    return entry_of(overlay, entered);
  }
  return Entry{inode, shown(overlay, *inode, found.stat)};
}

namespace {

bool is_hidden(const Overlay& overlay, const Inode& directory, const char* name,
               const Inode& inode) {
  return verdict_of_name(overlay, directory, name, inode.is_directory()).has(rules::Action::Hide);
}

}  // namespace

Result<Entry> lookup(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (!directory->is_directory()) return fail(ENOTDIR);
  if (layer::is_whiteout_name(name)) return fail(ENOENT);
  SharedLock lock(directory->directory->names);
  if (InodeRef known = overlay.table.find(*directory, name)) {
    if (overlay.settings.judges_known_names && is_hidden(overlay, *directory, name, *known)) {
      return fail(ENOENT);
    }
    if (follows(overlay)) look_at_name(overlay, *directory, name, *known);
    auto entry = known_entry(overlay, known);
    if (entry) {
      entry->has_other_listing = known->is_directory() && look_at_listing(overlay, *known);
      freshen_link(*known, *directory, name);
      return entry;
    }
    if (!entry.failed_with(ENOENT)) return entry;
  }
  return enter(overlay, directory, name, TRY(find_in_layers(overlay, *directory, name)));
}

Result<Entry> known_entry(Overlay& overlay, const InodeRef& known) {
  auto entry = known->is_stale ? Result<Entry>(fail(ESTALE)) : entry_of(overlay, known);
  if (!entry.failed_with(ENOENT) && !entry.failed_with(ESTALE)) return entry;
  if (known->is_stale && is_in_lower(*known)) {
    tell_of_change(overlay, *known, "something else is in its place in the lower by now");
    if (overlay.settings.lower_changes == LowerChanges::Refuse) return refuse(overlay, known);
  }
  forget_names(overlay, *known);
  return fail(ENOENT);
}

Result<Entry> lookup_parent(Overlay& overlay, const InodeRef& directory) {
  InodeRef parent = directory;
  if (directory->id != kRootNode) {
    Lock lock(directory->mutex);
    if (!directory->linked) return fail(ESTALE);
    parent = directory->link.parent;
  }
  return entry_of(overlay, parent);
}

Result<InodeRef> inode_of(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (InodeRef known = overlay.table.find(*directory, name)) return known;
  return TRY(enter(overlay, directory, name, TRY(find_in_layers(overlay, *directory, name)))).inode;
}

}  // namespace overpass::overlay
