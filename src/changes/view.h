// SPDX-License-Identifier: MIT
//
// What a stack of layers shows under a name, by overlayfs's rules: whiteouts, opaque directories,
// redirects and metacopies, and fuse-overlayfs's forms of them. A view of the lowers alone is what
// was there before a change; a view of all layers is what the union shows.
//
// It keeps no caches but an open directory for each layer, so that looking for few names costs
// little, however large the layers are.

#ifndef OVERPASS_CHANGES_VIEW_H_
#define OVERPASS_CHANGES_VIEW_H_

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "check/tree.h"
#include "layer/layer_stack.h"
#include "sys/stat.h"

namespace overpass::changes {

/// A file of a layer.
struct Place {
  layer::LayerIndex layer = 0;
  std::string path;     ///< From the layer's root, without leading slash.
  sys::Stat stat = {};  ///< With the owner, mode and kind that the layer shows.
};

/// Directories that are merged, topmost first, of different layers.
using Stack = std::vector<Place>;

/// What is shown under a name: a directory, another file, or nothing.
struct Found {
  Stack directories;          ///< Of a directory: what is merged.
  std::optional<Place> file;  ///< Of anything else.
  std::optional<Place> data;  ///< The regular file with the content of `file`; may be `file`.

  bool is_nothing() const { return directories.empty() && !file; }
  /// REQUIRES: something was found.
  const Place& top() const { return file ? *file : directories.front(); }
};

/// How a search went on after the last layer of its view: what the layers below add.
struct Rest {
  bool is_hidden = false;  ///< Nothing: a whiteout, an opaque directory or a whole file ended it.
  /// What is looked for below: the name itself, another one, or "/a/b" from the roots there.
  std::string name;
};

/// Threads: one at a time.
class View {
 public:
  /// The layers from `first` on, and before `end`. `stack` outlives this.
  View(const layer::LayerStack& stack, layer::LayerIndex first,
       layer::LayerIndex end = std::numeric_limits<layer::LayerIndex>::max());

  const layer::LayerStack& layers() const { return stack_; }
  const Stack& roots() const { return roots_; }

  /// Looks for `name`, one component or "/a/b" from the roots, below the merged `parents`. EIO for
  /// a mark on the way that cannot be read. `rest` is filled in if it is given.
  Result<Found> look_up(const Stack& parents, const std::string& name, Rest* rest = nullptr);

  /// What the view shows at `path` ("a/b"), as a walk through its directories finds it. No symbolic
  /// link is followed: behind one there is nothing.
  Result<Found> find(std::string_view path);

  /// The names that merged `directories` show, sorted.
  Result<std::vector<std::string>> names_of(const Stack& directories);

  /// The directory of a layer at `path` ("" or "a/b"), O_PATH; valid until the next call for this
  /// layer.
  Result<BorrowedFd> directory(layer::LayerIndex layer, std::string_view path);

  /// Opens the file for reading. It is looked at as it is now, without its marks.
  Result<UniqueFd> open_file(const Place& file);

 private:
  const layer::LayerStack& stack_;
  const bool has_data_layers_;
  Stack roots_;
  std::vector<check::Walk> walks_;  ///< By layer.
};

/// The directory and the name of a path: "a/b" is "a" and "b".
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

/// The attributes of `place` as its layer shows them.
Result<sys::Stat> shown_stat(const layer::Layer& layer, sys::Place place);

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_VIEW_H_
