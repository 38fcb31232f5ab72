// SPDX-License-Identifier: MIT
//
// No lock is taken for what no other thread can use now. docs/freeze.md goes through the members
// one by one.

#include "overlay/freeze/layer_shift.h"

#include <utility>

#include "overlay/find/lower_location.h"
#include "overlay/find/mappings.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

using layer::LayerIndex;

namespace {

/// The path in the union of a directory that has a name, by the names in memory.
std::string union_path_of(Inode& directory) NO_THREAD_SAFETY_ANALYSIS {
  std::string path;
  for (const Inode* at = &directory; at->id != kRootNode; at = at->link.parent.get()) {
    path.insert(0, "/" + at->link.name.text());
  }
  return path;
}

/// Whether a file of the upper must stay there: what is written to it, or read of it later, goes to
/// the file that was opened.
bool is_in_use(Overlay& overlay, Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  // Of a metacopy all that is open are readers of the lower that holds its bytes.
  if (!inode.is_regular() || inode.data_place() != nullptr) return false;
  const bool is_open = inode.opens != nullptr && inode.opens->handles() > 0;
  if (is_open || inode.has_predecessor) return true;
  recheck_mappings(overlay, inode);
  return inode.may_be_mapped;
}

std::vector<LayerIndex> shifted(const std::vector<LayerIndex>& lowers) {
  std::vector<LayerIndex> result(lowers);
  for (LayerIndex& layer : result) ++layer;
  return result;
}

}  // namespace

Result<LayerShift> LayerShift::plan(Overlay& overlay, layer::LayerStack fresh) {
  LayerShift shift(overlay);
  for (const InodeRef& inode : overlay.table.all()) TRY(shift.add(inode));
  shift.take_layers(std::move(fresh));
  return shift;
}

Result<void> LayerShift::add(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  if (inode->extras != nullptr) {
    if (inode->extras->copy_up != nullptr) return fail(EBUSY);
    if (inode->extras->data != nullptr) with_data_.push_back(inode);
  }
  if (!inode->is_directory()) return add_file(inode);
  add_directory(inode);
  return {};
}

void LayerShift::add_directory(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  const Directory& directory = *inode->directory;
  DirectoryChange change{inode,
                         directory.has_upper,
                         directory.upper_identity(),
                         directory.impurity,
                         shifted(directory.lowers),
                         directory.lower_identities,
                         {},
                         nullptr,
                         false,
                         false};
  // One without a name is no part of the frozen layer, and goes on by its descriptor.
  if (inode->linked) {
    const Relocation* known = inode->relocation();
    const std::string path = known != nullptr ? union_path_of(*inode) : std::string();
    if (known != nullptr) {
      change.has_relocation = true;
      change.relocation = std::make_unique<Relocation>(*known);
      change.relocation->lowers_path = path;
    }
    if (directory.has_upper) {
      change.has_upper = inode->id == kRootNode;  // Every upper has a root.
      change.impurity = Impurity::Unknown;
      change.lowers.insert(change.lowers.begin(), kFrozen);
      if (inode->id != kRootNode) {
        change.lower_identities.insert(change.lower_identities.begin(), directory.upper_identity());
      }
      change.has_new_fds = true;
      change.fds = directory.fds;
      // The upper's descriptor is of the mount that the upper was written through.
      if (!change.fds.empty())
        change.fds.insert(change.fds.begin() + 1, {std::weak_ptr<const CachedFd>()});
      if (!change.fds.empty()) change.fds.front().reset();
      if (change.relocation != nullptr) {
        change.relocation->mark = RedirectMark::None;
        change.relocation->layer_paths.insert(change.relocation->layer_paths.begin(), path);
      }
    }
  }
  directories_.push_back(std::move(change));
}

Result<void> LayerShift::add_file(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  if (inode->layer != layer::kUpper) {
    lower_files_.push_back(inode);
    return {};
  }
  // Files without a name go on by their descriptors. What has been superseded is its successor's
  // affair.
  if (!inode->linked || inode->superseded) return {};
  (is_in_use(*overlay_, *inode) ? kept_ : frozen_).push_back(inode);
  return {};
}

void LayerShift::take_layers(layer::LayerStack fresh) {
  layer::LayerStack& stack = overlay_->stack;
  const size_t count = stack.layers.size() + 1;
  layers_.reserve(count);
  roots_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (i < 2) {
      roots_.push_back(std::make_shared<CachedFd>(std::move(fresh.layers[i].root)));
      layers_.push_back(std::move(fresh.layers[i]));
      continue;
    }
    // The overlay has taken the roots out.
    layers_.emplace_back();
    static_cast<layer::LayerProperties&>(layers_.back()) = stack.layers[i - 1];
    roots_.push_back(overlay_->roots[i - 1]);
  }
  index_ = std::make_shared<CachedFd>(std::move(fresh.index));
  workdir_ = std::move(fresh.workdir);
  upper_lock_ = std::move(fresh.upper_lock);
  work_lock_ = std::move(fresh.work_lock);
}

void LayerShift::exchange_layers() noexcept {
  layer::LayerStack& stack = overlay_->stack;
  std::swap(stack.layers, layers_);
  std::swap(overlay_->roots, roots_);
  std::swap(overlay_->index, index_);
  std::swap(stack.workdir, workdir_);
  std::swap(stack.upper_lock, upper_lock_);
  std::swap(stack.work_lock, work_lock_);
  const auto next = static_cast<LayerIndex>(stack.first_data_only + (is_exchanged_ ? -1 : 1));
  stack.first_data_only = next;
}

void LayerShift::exchange_directory(DirectoryChange& change) noexcept NO_THREAD_SAFETY_ANALYSIS {
  Inode& inode = *change.inode;
  Directory& directory = *inode.directory;
  change.has_upper = directory.has_upper.exchange(change.has_upper);
  const Identity upper = std::exchange(change.upper, directory.upper_identity());
  directory.set_upper_identity(upper);
  change.impurity = directory.impurity.exchange(change.impurity);
  std::swap(directory.lowers, change.lowers);
  std::swap(directory.lower_identities, change.lower_identities);
  if (change.has_new_fds) std::swap(directory.fds, change.fds);
  if (change.has_relocation) std::swap(inode.extras->relocation, change.relocation);
  if (directory.hidden != nullptr) {
    for (HiddenName& hidden : *directory.hidden) {
      hidden.layer = static_cast<LayerIndex>(hidden.layer + (is_exchanged_ ? -1 : 1));
    }
  }
  if (const auto listing = directory.lower_names.lock()) overlay_->listings.drop(listing);
  directory.lower_names.reset();
  ++directory.version;
}

void LayerShift::exchange() noexcept NO_THREAD_SAFETY_ANALYSIS {
  const auto moved = [this](LayerIndex layer) {
    return static_cast<LayerIndex>(layer + (is_exchanged_ ? -1 : 1));
  };
  exchange_layers();
  for (DirectoryChange& change : directories_) exchange_directory(change);
  for (const InodeRef& inode : lower_files_) inode->layer = moved(inode->layer);
  for (const InodeRef& inode : frozen_) inode->layer = moved(inode->layer);
  // Completions of writes may run meanwhile.
  for (const auto* files : {&frozen_, &kept_}) {
    for (const InodeRef& inode : *files) {
      Lock lock(inode->mutex);
      outdate_whole_copy(*inode);
    }
  }
  for (const InodeRef& inode : with_data_) {
    inode->extras->data->layer = moved(inode->extras->data->layer);
  }
  is_exchanged_ = !is_exchanged_;
}

std::vector<std::unique_ptr<OpenMode>> LayerShift::finish() NO_THREAD_SAFETY_ANALYSIS {
  for (const DirectoryChange& change : directories_) {
    if (!change.has_new_fds || change.fds.empty()) continue;
    if (const SharedFd fd = change.fds.front().lock()) overlay_->directory_fds.drop(fd);
  }
  std::vector<std::unique_ptr<OpenMode>> left;
  for (const InodeRef& inode : frozen_) {
    // Nobody has it open: what was registered for writers is given back.
    if (inode->opens == nullptr || inode->opens->handles() > 0) continue;
    left.push_back(std::move(inode->opens));
  }
  return left;
}

}  // namespace overpass::overlay
