// SPDX-License-Identifier: MIT
//
// Order of steps: out of the index, change, into the index. So no thread sees a Link that is not
// where its name says.

#include "overlay/state/links.h"

#include <algorithm>

#include "base/scope_exit.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

bool is_name(const Link& link, const Inode& directory, std::string_view name) {
  return link.parent.get() == &directory && link.name == name;
}

/// The inode's Link of that name, or null.
template <class SomeInode>
auto find_link(SomeInode& inode, const Inode& directory, std::string_view name)
    -> decltype(&inode.link) REQUIRES(inode.mutex) {
  if (is_name(inode.link, directory, name)) return &inode.link;
  if (inode.extras == nullptr) return nullptr;
  for (auto& link : inode.extras->more_links) {
    if (is_name(*link, directory, name)) return link.get();
  }
  return nullptr;
}

/// Drops an indexed Link; whether it was the last one.
bool drop_link(Overlay& overlay, Inode& inode, Link* link) REQUIRES(inode.mutex) {
  overlay.table.unindex(*link);
  if (link->is_stale) --inode.stale_links;
  link->is_stale = false;
  auto* more = inode.extras ? &inode.extras->more_links : nullptr;
  if (link != &inode.link) {
    std::erase_if(*more, [&](const auto& other) { return other.get() == link; });
    overlay.table.record(inode);
    return false;
  }
  if (more == nullptr || more->empty()) return true;  // Keeps parent and name, out of the index.
  Link& successor = *more->back();
  overlay.table.unindex(successor);
  inode.link.parent = std::move(successor.parent);
  inode.link.name = std::move(successor.name);
  inode.link.is_stale = successor.is_stale;
  more->pop_back();
  overlay.table.index(inode.link);
  overlay.table.record(inode);
  return false;
}

/// Whether the file still has names that were not looked up yet and must lead here.
bool has_other_names(const Inode& inode, const SharedFd& file) REQUIRES(inode.mutex) {
  if (inode.upper_key() == FileKey() || file == nullptr) return false;
  const auto stat = sys::stat(sys::place_of(file->fd));
  return stat && stat->stx_nlink > 0;
}

/// The file's numbers may be another's from now on.
void forget_keys(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex) {
  if (inode.extras == nullptr) return;
  for (FileKey* key : {&inode.extras->upper_key, &inode.extras->lower_key}) {
    const FileKey forgotten = std::exchange(*key, FileKey());
    if (forgotten != FileKey()) overlay.table.unindex_key(inode, forgotten);
  }
}

}  // namespace

InodeRef add_first_link(Overlay& overlay, const InodeRef& inode, const InodeRef& directory,
                        std::string_view name, FileKey key) {
  Lock lock(inode->mutex);
  if (key != FileKey()) {
    const bool in_upper = inode->layer == layer::kUpper;
    FileKey& remembered =
        in_upper ? inode->make_extras().upper_key : inode->make_extras().lower_key;
    // Another of its names may have been entered at the same time.
    InodeRef first = overlay.table.index_by_key(inode, key);
    if (first.get() != inode.get()) return first;
    remembered = key;
  }
  InodeRef named = overlay.table.insert(inode, directory, name);
  if (named.get() != inode.get()) forget_keys(overlay, *inode);
  return named;
}

void add_link(Overlay& overlay, const InodeRef& inode, const InodeRef& directory,
              std::string_view name) {
  Lock lock(inode->mutex);
  outdate_copy(*inode);
  if (inode->linked) {
    if (find_link(*inode, *directory, name) != nullptr) return;
    auto link = std::make_unique<Link>();
    link->inode = inode.get();
    link->parent = directory;
    link->name = name;
    auto& more = inode->make_extras().more_links;
    more.push_back(std::move(link));
    ScopeExit not_indexed([&] { more.pop_back(); });
    overlay.table.index(*more.back());
    not_indexed.dismiss();
    overlay.table.record(*inode);
    return;
  }
  inode->link.parent = directory;
  inode->link.name = name;
  overlay.table.index(inode->link);
  inode->linked = true;
  if (inode->extras) {
    inode->extras->orphan.reset();
    inode->extras->pinned_orphan.reset();
  }
  overlay.table.record(*inode);
}

void pin_orphan_locked(Overlay& overlay, Inode& inode, SharedFd orphan) {
  if (orphan == nullptr) return;
  if (!orphan->lease) {
    const uid_t user = inode.opens != nullptr ? inode.opens->user() : kNoId;
    auto lease = overlay.descriptors.lease(user);
    if (!lease) return;
    orphan->lease = *std::move(lease);
  }
  inode.make_extras().pinned_orphan = std::move(orphan);
}

void remove_link_locked(Overlay& overlay, Inode& inode, const Inode& directory,
                        std::string_view name, SharedFd orphan) {
  outdate_copy(inode);
  Link* link = find_link(inode, directory, name);
  if (link == nullptr || !drop_link(overlay, inode, link)) return;
  inode.linked = false;
  if (!has_other_names(inode, orphan)) forget_keys(overlay, inode);
  overlay.table.record(inode);
  if (orphan == nullptr) return;
  InodeExtras& extras = inode.make_extras();
  extras.orphan = orphan;
  const bool is_open = inode.opens != nullptr && inode.opens->handles() > 0;
  if (is_open || inode.has_predecessor) pin_orphan_locked(overlay, inode, orphan);
  overlay.orphan_fds.keep(std::move(orphan));
}

void move_link_locked(Overlay& overlay, Inode& inode, const Inode& directory, std::string_view name,
                      const InodeRef& new_directory, std::string_view new_name) {
  outdate_copy(inode);
  Link* link = find_link(inode, directory, name);
  if (link == nullptr) return;
  overlay.table.unindex(*link);
  link->parent = new_directory;
  link->name = new_name;
  overlay.table.index(*link);
  overlay.table.record(inode);
}

bool is_stale_link(const Inode& inode, const Inode& directory, std::string_view name) {
  if (inode.stale_links == 0) return false;
  Lock lock(inode.mutex);
  const Link* link = find_link(inode, directory, name);
  return link != nullptr && link->is_stale;
}

void freshen_link(Inode& inode, const Inode& directory, std::string_view name) {
  if (inode.stale_links == 0) return;
  Lock lock(inode.mutex);
  Link* link = find_link(inode, directory, name);
  if (link == nullptr || !link->is_stale) return;
  link->is_stale = false;
  --inode.stale_links;
}

void forget_names(Overlay& overlay, Inode& inode) {
  Lock lock(inode.mutex);
  while (!drop_link(overlay, inode, &inode.link)) {
  }
  inode.linked = false;
  forget_keys(overlay, inode);
  overlay.table.record(inode);
}

InodeRef remember_key(Overlay& overlay, const InodeRef& inode, FileKey key) {
  Lock lock(inode->mutex);
  if (inode->upper_key() == key) return inode;
  FileKey& remembered = inode->make_extras().upper_key;
  InodeRef first = overlay.table.index_by_key(inode, key);
  if (first.get() == inode.get()) remembered = key;
  overlay.table.record(*inode);
  return first;
}

void supersede_locked(Overlay& overlay, const InodeRef& old) {
  InodeRef successor = overlay.table.make(old->ino, old->type);
  successor->ruled = old->ruled.load();
  InodeExtras& extras = old->make_extras();
  FileKey upper_key, lower_key;
  const uint64_t flock_domain = overlay.flocks.domain_of_locked(*old);
  {
    // No other thread knows the successor yet, so its mutex is not needed (and would be out of
    // order).
    auto take_over = [&]() NO_THREAD_SAFETY_ANALYSIS {
      successor->layer = layer::kUpper;
      successor->linked = old->linked;
      successor->known = old->known;
      successor->link.parent = old->link.parent;
      successor->link.name = old->link.name;
      overlay.table.unindex(old->link);
      if (successor->linked) {
        successor->link.is_stale = true;
        ++successor->stale_links;
        overlay.table.index(successor->link);
      }
      for (auto& link : extras.more_links) {
        auto copy = std::make_unique<Link>();
        copy->inode = successor.get();
        copy->parent = link->parent;
        copy->name = link->name;
        copy->is_stale = true;
        ++successor->stale_links;
        overlay.table.unindex(*link);
        overlay.table.index(*copy);
        successor->make_extras().more_links.push_back(std::move(copy));
      }
      extras.more_links.clear();
      if (!old->linked) {
        successor->make_extras().orphan = extras.orphan;
        successor->make_extras().pinned_orphan = extras.pinned_orphan;
      }
      successor->nlink_difference = old->nlink_difference.load();
      successor->make_extras().flock_domain = flock_domain;
      if (!extras.index_name.empty()) {
        successor->make_extras().index_name = std::move(extras.index_name);
        successor->make_extras().lower_nlink = extras.lower_nlink;
      }
      upper_key = std::exchange(extras.upper_key, FileKey());
      lower_key = std::exchange(extras.lower_key, FileKey());
      if (upper_key != FileKey()) successor->make_extras().upper_key = upper_key;
      if (lower_key != FileKey()) successor->make_extras().lower_key = lower_key;
      overlay.table.record_first(*successor);
    };
    take_over();
  }
  if (upper_key != FileKey()) overlay.table.replace_by_key(successor, upper_key);
  if (lower_key != FileKey()) overlay.table.replace_by_key(successor, lower_key);
  successor->has_predecessor = true;
  extras.successor = std::move(successor);
  old->superseded.store(true, std::memory_order_release);
  overlay.table.record(*old);
}

}  // namespace overpass::overlay
