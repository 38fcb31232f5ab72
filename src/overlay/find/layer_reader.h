// SPDX-License-Identifier: MIT
//
// One layer on disk, as a search sees it (layer_step.h): names to objects, and the marks these
// carry. Marks that a layer cannot have are not looked for.

#ifndef OVERPASS_OVERLAY_FIND_LAYER_READER_H_
#define OVERPASS_OVERLAY_FIND_LAYER_READER_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "layer/layer_stack.h"
#include "overlay/find/layer_step.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/inode.h"
#include "overlay/state/shared_fd.h"
#include "sys/place.h"

namespace overpass::overlay {

struct Overlay;

/// The start of a search, and the name asked for.
struct SearchedName {
  Overlay& overlay;
  Inode& directory;
  const char* name;
};

/// Warns of what is wrong with the name, as warn_once() does, and makes the failure to return.
std::unexpected<Errno> refuse(const SearchedName& searched, const char* what, int errno_value);

/// The object at `place`, whose attributes are `stat`. ESTALE when the name now leads to another
/// object. A mark that sends the search elsewhere counts only if it is read by this: its own
/// object's permissions guard what it leads to.
Result<UniqueFd> object_at(sys::Place place, const sys::Stat& stat);

/// Errors of its functions: EIO for a garbled mark, ESTALE for an object that was exchanged while
/// it was looked at, and what the disk answers.
/// L: no lock of rank Inode or beyond is held.
class LayerReader : public LayerView {
 public:
  /// Begins in the directory of the search, or at the root of the layer.
  LayerReader(const SearchedName& searched, layer::LayerIndex layer, bool begins_at_root);

  Result<Presence> go_to(std::string_view name) override;
  Result<void> enter() override;
  Result<bool> has_whiteout_file() override;
  const sys::Stat& stat() const override { return stat_; }
  Result<bool> is_whiteout() override;
  Result<bool> is_opaque() override;
  Result<bool> is_metacopy() override;
  Result<std::optional<layer::Redirect>> redirect() override;

  /// Of the object that was found; valid as long as the reader lives.
  sys::Place place() const {
    return {parent_ ? parent_->fd.get() : walked_parent_.get(), name_.c_str()};
  }
  /// O_PATH, of the metacopy that was found.
  UniqueFd take_metacopy() { return std::move(metacopy_); }

 private:
  const layer::Layer& the_layer() const;
  const HiddenName* find_what_hides(std::string_view name);
  const HiddenName* find_pinned_in_directory(std::string_view name);
  bool may_hold(bool this_mount_writes_it) const;

  const SearchedName& searched_;
  const layer::LayerIndex layer_;
  const bool begins_at_root_;
  SharedFd parent_;         ///< Of the object; null at the end of a path.
  UniqueFd walked_parent_;  ///< Instead of `parent_`, at the end of a path.
  std::string name_;        ///< Empty if `parent_` is the object itself.
  std::string walked_;      ///< From the root, names as this layer has them.
  sys::Stat stat_ = {};
  UniqueFd metacopy_;
  std::optional<ScopedReadable> readable_;  ///< While the marks of an upper's object are read.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LAYER_READER_H_
