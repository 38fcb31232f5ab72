// SPDX-License-Identifier: MIT
//
// Directories first, from the root down, since a name is looked for in what its directory is by
// then; then the files of lowers. No lock is taken for what no other thread can use now.

#include "overlay/freeze/layer_removal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/search.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/links.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"

namespace overpass::overlay {

using layer::LayerIndex;

namespace {

bool is_open(const Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  return inode.opens != nullptr && inode.opens->handles() > 0;
}

/// The file itself, whatever becomes of its name.
Result<SharedFd> open_now(Overlay& overlay, Inode& inode) {
  const Located located = TRY(held(overlay, inode));
  return std::make_shared<CachedFd>(TRY(sys::open_place(located.place(), O_PATH)));
}

}  // namespace

LayerRemoval::LayerRemoval(Overlay& overlay, std::vector<bool> goes, bool loses_names)
    : overlay_(overlay),
      goes_(std::move(goes)),
      all_(overlay.table.all()),
      has_moved_(loses_names) {
  LayerIndex next = 0;
  for (const bool is_gone : goes_) indices_.push_back(is_gone ? layer::kUpper : next++);
}

Result<void> LayerRemoval::prepare() NO_THREAD_SAFETY_ANALYSIS {
  for (const InodeRef& inode : all_) {
    has_moved_ = has_moved_ || inode->relocation() != nullptr;
  }
  for (const InodeRef& inode : all_) {
    if (inode->extras != nullptr && inode->extras->copy_up != nullptr) return fail(EBUSY);
    const DataPlace* data = inode->data_place();
    if (data != nullptr && goes_[data->layer]) {
      log::warn("no layer is taken out: '%s' is a metacopy, and its bytes are there",
                inode->link.name.c_str());
      return fail(EOPNOTSUPP);
    }
    if (inode->is_directory() || inode->layer == layer::kUpper || !is_open(*inode)) continue;
    if (!goes_[inode->layer] && !has_moved_) continue;
    auto file = open_now(overlay_, *inode);
    // A name that led elsewhere before leads nowhere afterwards either.
    if (!file && !file.failed_with(ESTALE)) return fail(file.error());
    if (file) open_.emplace(inode.get(), std::move(*file));
  }
  return {};
}

void LayerRemoval::carry_out() NO_THREAD_SAFETY_ANALYSIS {
  overlay_.listings.clear();
  overlay_.directory_fds.clear();
  overlay_.idle_backings.clear();
  keep_layers();
  for (const InodeRef& inode : all_) {
    if (inode->is_directory()) keep_lowers(*inode);
  }
  look_at_directories();
  for (const InodeRef& inode : all_) {
    if (inode->data_place() != nullptr) {
      inode->extras->data->layer = indices_[inode->data_place()->layer];
    }
    if (inode->is_directory() || inode->layer == layer::kUpper) continue;
    const bool is_gone = goes_[inode->layer];
    inode->layer = indices_[inode->layer];
    if (inode->linked) {
      if (is_gone || has_moved_) look_at_file(inode);
    } else if (is_gone || !is_lower_of(*inode->link.parent->directory, inode->layer)) {
      detach_file(inode);
    }
  }
  overlay_.removals.add_all();
}

void LayerRemoval::keep_layers() {
  layer::LayerStack& stack = overlay_.stack;
  const LayerIndex end = stack.size();
  for (LayerIndex layer = end; layer-- > 0;) {
    if (!goes_[layer]) continue;
    stack.layers.erase(stack.layers.begin() + layer);
    overlay_.roots.erase(overlay_.roots.begin() + layer);
    if (stack.first_data_only <= end) --stack.first_data_only;
  }
}

/// Of what is known of the directory only what layers that stay have.
void LayerRemoval::keep_lowers(Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  Directory& directory = *inode.directory;
  Relocation* relocation = inode.extras != nullptr ? inode.extras->relocation.get() : nullptr;
  std::vector<LayerIndex> lowers;
  std::vector<Identity> identities;
  std::vector<std::string> paths;
  for (size_t i = 0; i < directory.lowers.size(); ++i) {
    if (goes_[directory.lowers[i]]) continue;
    lowers.push_back(indices_[directory.lowers[i]]);
    if (!directory.lower_identities.empty()) identities.push_back(directory.lower_identities[i]);
    if (relocation != nullptr) paths.push_back(std::move(relocation->layer_paths[i]));
  }
  directory.lowers = std::move(lowers);
  directory.lower_identities = std::move(identities);
  if (relocation != nullptr) relocation->layer_paths = std::move(paths);
  if (directory.hidden != nullptr) {
    std::erase_if(*directory.hidden, [&](const HiddenName& name) { return goes_[name.layer]; });
    for (HiddenName& name : *directory.hidden) name.layer = indices_[name.layer];
  }
  // What has no name keeps the upper's descriptor, by which alone it is reached.
  if (inode.linked) directory.fds.clear();
  if (directory.fds.size() > 1) directory.fds.resize(1);
  directory.lower_names.reset();
  directory.lower_version = 0;
  ++directory.version;
}

void LayerRemoval::look_at_directories() NO_THREAD_SAFETY_ANALYSIS {
  std::map<const Inode*, std::vector<InodeRef>> children;
  for (const InodeRef& inode : all_) {
    if (!inode->is_directory() || inode->id == kRootNode) continue;
    if (inode->linked) {
      children[inode->link.parent.get()].push_back(inode);
    } else if (inode->directory->layer_count() == 0) {
      inode->directory->has_upper = true;  // As any that has been removed.
    }
  }
  std::vector<const Inode*> left = {&overlay_.table.root()};
  while (!left.empty()) {
    const auto found = children.find(left.back());
    left.pop_back();
    if (found == children.end()) continue;
    for (const InodeRef& child : found->second) {
      look_at_directory(child);
      left.push_back(child.get());
    }
  }
}

void LayerRemoval::look_at_directory(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  Inode& parent = *inode->link.parent;
  const std::string name = inode->link.name.text();
  auto found =
      parent.linked ? find_in_layers(overlay_, parent, name.c_str()) : Result<Found>(fail(ENOENT));
  Directory& directory = *inode->directory;
  const bool is_it = found && sys::is_directory(found->stat) &&
                     (found->layer == layer::kUpper) == directory.has_upper;
  if (!is_it) return lose_directory(*inode);
  directory.lowers = std::move(found->lowers);
  directory.lower_identities = std::move(found->lower_identities);
  inode->known = found->known;
  inode->is_immutable = found->protection.immutable;
  inode->is_append_only = found->protection.append_only;
  inode->is_stale = false;
  if (inode->extras != nullptr) inode->extras->relocation.reset();
  if (found->relocation) inode->make_extras().relocation = std::move(found->relocation);
  directory.hidden.reset();
  pass_on_hidden(overlay_.table.root().directory->hidden.get(), parent, name, *inode);
}

/// Like a directory that was removed, whose descriptor has gone.
void LayerRemoval::lose_directory(Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  forget_names(overlay_, inode);
  inode.is_stale = true;
  inode.directory->has_upper = true;
  inode.directory->lowers.clear();
  inode.directory->lower_identities.clear();
  inode.directory->hidden.reset();
  if (inode.extras != nullptr) inode.extras->relocation.reset();
  lost_.push_back(inode.id);
}

/// Whether the link leads to the inode's file, in `layer`.
bool LayerRemoval::shows(const Link& link, const Inode& inode,
                         LayerIndex& layer) NO_THREAD_SAFETY_ANALYSIS {
  Inode& parent = *link.parent;
  if (!parent.linked) return false;
  const auto found = find_in_layers(overlay_, parent, link.name.c_str());
  if (!found || found->layer == layer::kUpper || found->data || found->index) return false;
  if ((found->stat.stx_mode & S_IFMT) != inode.type) return false;
  layer = found->layer;
  const bool is_known = overlay_.stack.layers[layer].stable_numbers;
  return is_known && found->known.identity() == inode.known.identity();
}

void LayerRemoval::look_at_file(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  std::vector<const Link*> links = {&inode->link};
  if (inode->extras != nullptr) {
    for (const auto& link : inode->extras->more_links) links.push_back(link.get());
  }
  LayerIndex layer = layer::kUpper;
  for (const Link* link : links) {
    if (shows(*link, *inode, layer)) continue;
    lost_.push_back(inode->id);
    forget_names(overlay_, *inode);
    return detach_file(inode);
  }
  inode->layer = layer;
}

/// A file without a name. An open one is reached by its descriptor, as one that was removed.
void LayerRemoval::detach_file(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  inode->layer = layer::kUpper;
  inode->is_displaced = true;
  inode->lower_version = 0;
  const auto open = open_.find(inode.get());
  if (open == open_.end()) {
    inode->is_stale = true;
    return;
  }
  inode->make_extras().orphan = open->second;
  overlay_.orphan_fds.keep(open->second);
  Lock lock(inode->mutex);
  pin_orphan_locked(overlay_, *inode, open->second);
}

}  // namespace overpass::overlay
