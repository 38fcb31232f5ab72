// SPDX-License-Identifier: MIT
//
// A directory that is not in the cache is opened by the names on the way from its nearest ancestor
// that is. Names in the upper may change under that walk, so what it arrives at is compared with
// the directory's known inode, and the walk repeated if it is another.

#include "overlay/find/locate.h"

#include <fcntl.h>
#include <limits.h>

#include <optional>

#include "overlay/find/lower_location.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

/// Walks repeated this often met a rename each time; far beyond chance.
constexpr int kMaxWalks = 100;

size_t fd_slot(const Directory& directory, layer::LayerIndex layer) {
  return layer == layer::kUpper ? 0 : slot_of(directory, layer) + 1;
}

SharedFd cached_fd(const Overlay& overlay, const Inode& inode, layer::LayerIndex layer) {
  if (&inode == &overlay.table.root()) return overlay.roots[layer];
  const Directory& directory = *inode.directory;
  const size_t slot = fd_slot(directory, layer);
  Lock lock(directory.cache_mutex);
  if (slot >= directory.fds.size()) return {};
  SharedFd fd = directory.fds[slot].lock();
  if (fd) fd->used.store(true, std::memory_order_relaxed);
  return fd;
}

void cache_fd(Overlay& overlay, Inode& inode, layer::LayerIndex layer, const SharedFd& fd) {
  Directory& directory = *inode.directory;
  {
    const size_t slot = fd_slot(directory, layer);
    Lock lock(directory.cache_mutex);
    if (slot >= directory.fds.size()) directory.fds.resize(slot + 1);
    directory.fds[slot] = fd;
  }
  overlay.directory_fds.keep(fd);
}

/// The descriptor that removing a directory left behind. Nothing while it has a name, null when
/// the descriptor was needed elsewhere.
std::optional<SharedFd> orphan_fd(const Inode& inode) {
  Lock lock(inode.mutex);
  if (inode.linked) return {};
  return inode.extras == nullptr ? SharedFd() : inode.extras->orphan.lock();
}

/// Failures of a walk that names which changed under it explain.
bool may_have_met_change(const Result<UniqueFd>& opened) {
  return opened.failed_with(ENOENT) || opened.failed_with(ENOTDIR) || opened.failed_with(ELOOP);
}

/// Whether the walk arrived at the upper's directory itself. The inode number proves it only while
/// the directory has a name; afterwards another may get the number.
Result<bool> has_arrived(BorrowedFd fd, const Inode& directory) {
  const Identity found = identity_of(TRY(sys::stat(sys::place_of(fd))));
  Lock lock(directory.mutex);
  const Directory& known = *directory.directory;
  return directory.linked && found == known.upper_identity();
}

/// ESTALE unless the directory open at `fd` is the one that was found in the lower `layer`.
Result<void> check_lower(const Overlay& overlay, Inode& inode, layer::LayerIndex layer,
                         BorrowedFd fd) {
  const Directory& directory = *inode.directory;
  if (directory.lower_identities.empty()) return {};
  if (!overlay.stack.layers[layer].stable_numbers) return {};
  const Identity found = identity_of(TRY(sys::stat(sys::place_of(fd))));
  if (directory.lower_identities[slot_of(directory, layer)] == found) return {};
  inode.is_stale = true;
  return fail(ESTALE);
}

/// The nearest ancestor with a cached descriptor in `layer`, and the names from there, outermost
/// last.
struct Walk {
  SharedFd start;
  std::vector<std::string> names;
};

/// Adds the names of "a/b", innermost first.
void push_path(Walk& walk, std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.rfind('/');
    walk.names.emplace_back(path.substr(slash + 1));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  }
}

Walk plan_walk(Overlay& overlay, Inode& directory, layer::LayerIndex layer) {
  Walk walk;
  InodeRef at = InodeRef::share(directory);
  while (true) {
    InodeRef parent;
    {
      Lock lock(at->mutex);
      const Relocation* relocation = layer == layer::kUpper ? nullptr : at->relocation();
      if (relocation != nullptr) {
        const std::string_view path = relocation->layer_paths[slot_of(*at->directory, layer)];
        WalkStart start = walk_start(overlay, layer, path.substr(1));
        push_path(walk, start.rest);
        walk.start = std::move(start.directory);
        return walk;
      }
      walk.names.push_back(at->link.name.text());
      parent = at->link.parent;
    }
    walk.start = cached_fd(overlay, *parent, layer);
    if (walk.start) return walk;
    at = std::move(parent);
  }
}

/// Opens the end of the walk, in pieces that system calls take.
Result<UniqueFd> open_walk(Walk& walk) {
  UniqueFd fd;
  std::string path;
  auto step = [&]() -> Result<void> {
    const BorrowedFd from = fd.empty() ? walk.start->fd.get() : fd.get();
    fd = TRY(sys::open_beneath(from, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    path.clear();
    return {};
  };
  for (auto name = walk.names.rbegin(); name != walk.names.rend(); ++name) {
    if (path.size() + name->size() + 2 > PATH_MAX) TRY(step());
    if (!path.empty()) path += '/';
    path += *name;
  }
  TRY(step());
  return fd;
}

}  // namespace

layer::LayerIndex top_layer(const Inode& directory) {
  return directory.directory->has_upper ? layer::kUpper : directory.directory->lowers.front();
}

Result<SharedFd> directory_fd(Overlay& overlay, Inode& directory, layer::LayerIndex layer) {
  if (SharedFd fd = cached_fd(overlay, directory, layer)) return fd;
  for (int walks = 0; walks < kMaxWalks; ++walks) {
    if (layer == layer::kUpper) {
      if (auto fd = orphan_fd(directory)) return *fd ? Result<SharedFd>(*fd) : fail(ESTALE);
    }
    Walk walk = plan_walk(overlay, directory, layer);
    if (!walk.start) return fail(ESTALE);  // Not shown any more, as after another mount.
    if (walk.names.empty()) return walk.start;
    auto opened = open_walk(walk);
    if (layer == layer::kUpper) {
      if (may_have_met_change(opened)) continue;
      if (!opened) return fail(opened.error());
      if (!TRY(has_arrived(*opened, directory))) continue;
    } else if (opened) {
      TRY(check_lower(overlay, directory, layer, *opened));
    } else if (may_have_met_change(opened)) {
      directory.is_stale = true;  // Lowers do not change by themselves.
      return fail(ESTALE);
    }
    SharedFd fd = std::make_shared<CachedFd>(TRY(std::move(opened)));
    cache_fd(overlay, directory, layer, fd);
    return fd;
  }
  directory.is_stale = true;
  return fail(ESTALE);
}

InodeRef current(const InodeRef& inode) {
  if (!inode->superseded.load(std::memory_order_acquire)) return inode;
  Lock lock(inode->mutex);
  return inode->extras->successor;
}

namespace {

/// Whether a file without a name that is open could not be kept within reach (pin_orphan_locked).
bool is_short_of_descriptors(const Inode& inode) REQUIRES(inode.mutex) {
  const std::weak_ptr<const CachedFd> none;
  const bool had_one = inode.extras != nullptr && inode.extras->orphan.owner_before(none) !=
                                                      none.owner_before(inode.extras->orphan);
  return had_one && inode.opens != nullptr && inode.opens->handles() > 0;
}

}  // namespace

Result<Located> locate(Overlay& overlay, Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  if (inode.is_directory()) {
    const layer::LayerIndex layer = top_layer(inode);
    return Located(TRY(directory_fd(overlay, inode, layer)), inode, layer, "");
  }
  InodeRef parent;
  layer::LayerIndex layer = layer::kUpper;
  while (true) {
    SharedFd fd;
    if (parent) fd = TRY(directory_fd(overlay, *parent, layer));
    inode.mutex.lock();
    Located located(std::move(fd), inode, inode.layer, inode.link.name.c_str());
    located.locked_ = true;
    if (inode.layer == layer::kUpper && !inode.linked) {
      located.name_ = "";
      if (inode.extras) located.fd_ = inode.extras->orphan.lock();
      const bool is_out_of_reach = !located.fd_ && is_short_of_descriptors(inode);
      if (is_out_of_reach) located.fd_ = inode.opens->last_fd();
      if (!located.fd_) return fail(is_out_of_reach ? ENFILE : ESTALE);
      return located;
    }
    if (inode.layer == layer::kUpper && inode.is_indexed()) {
      located.name_ = inode.extras->index_name.c_str();
      located.fd_ = overlay.index;
      return located;
    }
    if (located.fd_ && parent.get() == inode.link.parent.get() && layer == inode.layer) {
      return located;
    }
    parent = inode.link.parent;
    layer = inode.layer;
  }
}

Result<Located> current_located(Overlay& overlay, InodeRef& inode,
                                Result<Located> (*find)(Overlay&, Inode&)) {
  while (true) {
    inode = current(inode);
    Located located = TRY(find(overlay, *inode));
    // An inode is superseded under the mutex, which is held now.
    if (!inode->superseded) return located;
  }
}

Result<void> check_recognized(const Overlay& overlay, Inode& inode, layer::LayerIndex layer,
                              const sys::Stat& stat, bool allows_restriction) {
  switch (recognize(inode.known, stat, overlay.stack.layers[layer].stable_numbers)) {
    case Recognition::Same:
      return {};
    case Recognition::Restricted:
      return allows_restriction ? Result<void>() : fail(ESTALE);
    case Recognition::Another:
      break;
  }
  inode.is_stale = true;
  return fail(ESTALE);
}

Result<Located> held(Overlay& overlay, Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  Located located = TRY(locate(overlay, inode));
  if (located.place().is_fd()) return located;
  SharedFd open = located.in_upper() && inode.opens ? inode.opens->last_fd() : nullptr;
  if (open != nullptr) {
    located.share(std::move(open));
  } else {
    auto file = sys::open_place(located.place(), O_PATH);
    if (!file) return fail(file.failed_with(ENOENT) ? ESTALE : to_int(file.error()));
    located.hold(std::move(*file));
  }
  const sys::Stat stat = TRY(stat_with_kept_mode(located.place()));
  TRY(check_recognized(overlay, inode, located.layer(), stat));
  return located;
}

const HiddenName* find_hidden_path(const Overlay& overlay, layer::LayerIndex layer,
                                   std::string_view path) {
  return find_hidden(*overlay.table.root().directory, layer, path);
}

const HiddenName* find_pinned(const Overlay& overlay, layer::LayerIndex layer,
                              std::string_view path) {
  // Its index is another one after a freeze.
  if (layer + 1 != overlay.stack.lowers_end()) return nullptr;
  for (const HiddenName& known : overlay.pinned) {
    if (path == known.rest || !behind(path, known.rest).empty()) return &known;
  }
  return nullptr;
}

WalkStart walk_start(const Overlay& overlay, layer::LayerIndex layer, std::string_view path) {
  if (const HiddenName* pinned = find_pinned(overlay, layer, path)) {
    return {pinned->beneath, behind(path, pinned->rest)};
  }
  const HiddenNames* all = overlay.table.root().directory->hidden.get();
  if (all != nullptr) {
    for (const HiddenName& known : *all) {
      if (known.layer != layer) continue;
      const std::string_view rest = behind(path, known.rest);
      if (path == known.rest || !rest.empty()) return {known.beneath, rest};
    }
  }
  return {overlay.roots[layer], path};
}

}  // namespace overpass::overlay
