// SPDX-License-Identifier: MIT
//
// Sets up the context: the layers' roots and the root inode.

#include "overlay/state/overlay.h"

#include <unistd.h>

#include "overlay/state/hidden_names.h"
#include "overlay/state/opens.h"
#include "sys/process.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

constexpr size_t kListingBytes = size_t{12} * 1024 * 1024;
// An id costs a registration and its end, twice what the rest of an open does, and pins what the
// kernel keeps of a file anyway: some 1.5 KiB, given back when it forgets the inode.
constexpr size_t kIdleBackings = 8192;

/// Drops from the caches what an inode has there, when it goes. No other reference exists, so its
/// mutex is not needed. It must not be taken either: the last reference may go under another
/// inode's. This must need no memory, since a lack of it could not be handled.
void give_back(Overlay& overlay, Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  if (inode.extras != nullptr) {
    if (const SharedFd orphan = inode.extras->orphan.lock()) overlay.orphan_fds.drop(orphan);
    if (const InodeRef& successor = inode.extras->successor) {
      successor->has_predecessor = false;
      unpin_orphan(*successor);
    }
  }
  overlay.mount.drop_file(inode.id);
  if (inode.opens != nullptr) drop_idle(overlay.idle_backings, *inode.opens);
  if (!inode.is_directory()) return;
  Directory& directory = *inode.directory;
  std::vector<std::weak_ptr<const CachedFd>> fds;
  std::shared_ptr<const LowerNames> listing;
  {
    Lock lock(directory.cache_mutex);
    fds.swap(directory.fds);
    listing = directory.lower_names.lock();
  }
  for (const auto& cached : fds) {
    if (const SharedFd fd = cached.lock()) overlay.directory_fds.drop(fd);
  }
  if (listing != nullptr) overlay.listings.drop(listing);
}

}  // namespace

Overlay::Overlay(layer::LayerStack layers, Settings chosen, Mount& shown_by, BackingFiles& files)
    : stack(std::move(layers)),
      settings(std::move(chosen)),
      mount(shown_by),
      backing_files(files),
      has_protected_uppers(stack.upper().foreign_marks),
      descriptors(sys::descriptor_limit(), ::geteuid()),
      numbers(stack.layers[stack.lowers_end() - 1].device, stack.format.short_numbers),
      directory_fds(descriptors.directories()),
      orphan_fds(descriptors.removed_files()),
      reader_fds(descriptors.readers()),
      listings(kListingBytes),
      idle_backings(kIdleBackings),
      table([this](Inode& inode) { give_back(*this, inode); }) {
  for (layer::Layer& layer : stack.layers) {
    // In this order at every mount, no matter which layer is used first.
    if (layer.is_present) numbers.announce(layer.device);
    roots.push_back(std::make_shared<CachedFd>(std::move(layer.root)));
  }
  numbers.divide_short_numbers();
  if (!stack.index.empty()) index = std::make_shared<CachedFd>(std::move(stack.index));
  // The origin of the root is the topmost lower's, as for any merged directory.
  const auto stat = sys::stat(sys::place_of(roots[1]->fd));
  const uint64_t ino = stat ? numbers.number(sys::device_of(*stat), stat->stx_ino) : 1;
  InodeRef root = table.make(ino, S_IFDIR);
  root->directory = std::make_unique<Directory>();
  root->directory->has_upper = stack.has_upper();
  root->directory->hidden = hidden_names_of(stack);
  root->directory->rules_below = settings.rules.at_root();
  for (layer::LayerIndex i = 1; i < stack.lowers_end(); ++i) root->directory->lowers.push_back(i);
}

}  // namespace overpass::overlay
