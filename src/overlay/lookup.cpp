// SPDX-License-Identifier: MIT
//
// From the top down: the first layer that has the name decides. A whiteout ends the search; so does
// anything but a directory; directories are merged with the directories below them until one is
// opaque. In directories merged from many lowers the remembered listing takes the place of asking
// each lower.

#include "overlay/lookup.h"

#include <linux/stat.h>

#include <cstring>

#include "layer/markers.h"
#include "overlay/attributes.h"
#include "overlay/links.h"
#include "overlay/locate.h"
#include "overlay/origin_number.h"
#include "overlay/overlay.h"

namespace overpass::overlay {

namespace {

using layer::LayerIndex;

/// From this many lowers on, reading them once is cheaper than asking each for every name.
constexpr size_t kManyLowers = 4;

/// What one layer has under a name.
enum class Sight {
  Nothing,  ///< Not there: the layers below decide.
  Hidden,   ///< A whiteout: the search ends.
  Present,
};

class Search {
 public:
  Search(Overlay& overlay, Inode& directory, const char* name)
      : overlay_(overlay), directory_(directory), name_(name) {}

  /// Adds `layer`'s view to the result. Whether the search goes on below it.
  Result<bool> visit(LayerIndex layer, bool more_below) {
    const SharedFd fd = TRY(directory_fd(overlay_, directory_, layer));
    sys::Stat stat;
    switch (TRY(look(fd->fd, layer, more_below, stat))) {
      case Sight::Nothing:
        return true;
      case Sight::Hidden:
        return false;
      case Sight::Present:
        break;
    }
    if (!has_result_) {
      found_.layer = layer;
      found_.stat = stat;
      const bool may_have_origin = layer == layer::kUpper && !sys::is_directory(stat);
      found_.origin = may_have_origin ? number_source(overlay_, directory_, {fd->fd, name_}, stat)
                                      : FileKey{sys::device_of(stat), stat.stx_ino};
      has_result_ = true;
    } else {
      // What is below a directory counts only if it is a directory as well and nothing between
      // hides it.
      if (!sys::is_directory(stat) || TRY(last_is_opaque())) return false;
    }
    if (!sys::is_directory(stat)) return false;
    if (layer != layer::kUpper) {
      // A merged directory has the number of its topmost lower, as on overlayfs.
      if (found_.lowers.empty()) found_.origin = {sys::device_of(stat), stat.stx_ino};
      found_.lowers.push_back(layer);
    }
    last_fd_ = fd;
    last_layer_ = layer;
    return true;
  }

  bool has_result() const { return has_result_; }
  Found take() { return std::move(found_); }

 private:
  Result<Sight> look(BorrowedFd fd, LayerIndex layer, bool more_below, sys::Stat& stat) {
    const bool foreign = overlay_.stack.layers[layer].foreign_marks;
    auto result = sys::stat({fd, name_});
    if (result.failed_with(ENOENT)) {
      if (!foreign || !more_below) return Sight::Nothing;
      return has_whiteout_name(fd) ? Sight::Hidden : Sight::Nothing;
    }
    stat = TRY(std::move(result));
    if (layer::is_whiteout(stat)) return Sight::Hidden;
    if (foreign && TRY(layer::is_xwhiteout({fd, name_}, stat, overlay_.stack.prefix))) {
      return Sight::Hidden;
    }
    if (foreign && more_below && sys::is_directory(stat) &&
        TRY(layer::has_unsupported_mark({fd, name_}, stat, overlay_.stack.prefix))) {
      return fail(EIO);  // A redirect: its lowers are not those of this name.
    }
    return Sight::Present;
  }

  bool has_whiteout_name(BorrowedFd fd) const {
    const std::string whiteout = layer::whiteout_name_of(name_);
    return sys::stat({fd, whiteout.c_str()}).has_value();
  }

  Result<bool> last_is_opaque() {
    const bool foreign = overlay_.stack.layers[last_layer_].foreign_marks;
    return TRY(layer::opacity_of({last_fd_->fd, name_}, overlay_.stack.prefix, foreign)) ==
           layer::Opacity::Opaque;
  }

  Overlay& overlay_;
  Inode& directory_;
  const char* name_;
  Found found_ = {};
  bool has_result_ = false;
  SharedFd last_fd_;  ///< The directory holding the last directory found.
  LayerIndex last_layer_ = 0;
};

/// Visits the lowers of the directory, or of them only those that the listing names.
Result<void> search_lowers(Overlay& overlay, Inode& directory, const char* name, Search& search) {
  const std::vector<LayerIndex>& lowers = directory.directory->lowers;
  size_t first = 0;
  if (lowers.size() >= kManyLowers) {
    const auto listing = TRY(lower_names_of(overlay, directory));
    const LowerName* known = listing->find(name);
    if (known == nullptr) return {};
    while (lowers[first] != known->layer) ++first;
  }
  for (size_t i = first; i < lowers.size(); ++i) {
    if (!TRY(search.visit(lowers[i], i + 1 < lowers.size()))) return {};
  }
  return {};
}

}  // namespace

Result<Found> find_in_layers(Overlay& overlay, Inode& directory, const char* name) {
  Search search(overlay, directory, name);
  bool go_on = true;
  if (directory.directory->has_upper) {
    go_on = TRY(search.visit(layer::kUpper, !directory.directory->lowers.empty()));
  }
  if (go_on) TRY(search_lowers(overlay, directory, name, search));
  if (!search.has_result()) return fail(ENOENT);
  return search.take();
}

Result<bool> lowers_show(Overlay& overlay, Inode& directory, const char* name) {
  Search search(overlay, directory, name);
  TRY(search_lowers(overlay, directory, name, search));
  return search.has_result();
}

Result<Entry> enter(Overlay& overlay, const InodeRef& directory, const char* name,
                    const Found& found) {
  const sys::Stat& stat = found.stat;
  const bool in_upper = found.layer == layer::kUpper;
  const bool is_directory = sys::is_directory(stat);
  const FileKey key = {sys::device_of(stat), stat.stx_ino};
  const bool has_more_links = in_upper && !is_directory && stat.stx_nlink > 1;
  if (has_more_links) {
    if (InodeRef known = overlay.table.find_by_key(key)) {
      add_link(overlay, known, directory, name);
      return Entry{known, shown(*known, stat)};
    }
  }
  const uint64_t number = overlay.numbers.number(found.origin.device, found.origin.ino);
  InodeRef inode = overlay.table.make(number, stat.stx_mode & S_IFMT);
  if (is_directory) {
    inode->directory = std::make_unique<Directory>();
    inode->directory->has_upper = in_upper;
    inode->directory->upper_ino = in_upper ? stat.stx_ino : 0;
    inode->directory->lowers = found.lowers;
  } else {
    Lock lock(inode->mutex);
    inode->layer = found.layer;
  }
  if (!in_upper) {
    inode->lower_immutable = (stat.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
    inode->lower_append_only = (stat.stx_attributes & STATX_ATTR_APPEND) != 0;
  }
  if (has_more_links) {
    // Another of its names may have been entered at the same time.
    const InodeRef first = remember_key(overlay, inode, key);
    if (first.get() != inode.get()) {
      add_link(overlay, first, directory, name);
      return Entry{first, shown(*first, stat)};
    }
  }
  InodeRef entered = overlay.table.insert(std::move(inode), directory, name);
  return Entry{entered, shown(*entered, stat)};
}

Result<Entry> lookup(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (!directory->is_directory()) return fail(ENOTDIR);
  if (layer::is_whiteout_name(name)) return fail(ENOENT);
  SharedLock lock(directory->directory->names);
  if (InodeRef known = overlay.table.find(*directory, name)) {
    auto entry = entry_of(overlay, known);
    if (entry) {
      freshen_link(*known, *directory, name);
      return entry;
    }
    if (!entry.failed_with(ENOENT) && !entry.failed_with(ESTALE)) return entry;
    // Its file went away behind our back; what the layers show now is the truth.
    forget_names(overlay, *known);
  }
  return enter(overlay, directory, name, TRY(find_in_layers(overlay, *directory, name)));
}

}  // namespace overpass::overlay
