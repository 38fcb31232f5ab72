// SPDX-License-Identifier: MIT
//
// What the lowers have under a name, by overlayfs's rules: whiteouts, opaque directories, redirects
// and metacopies of the lowers themselves included. Written apart from the union's own lookup
// (overlay/find/lookup.h), and without its caches, so that the two can disagree in a test.

#ifndef OVERPASS_CHECK_LOWER_LOOKUP_H_
#define OVERPASS_CHECK_LOWER_LOOKUP_H_

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "check/tree.h"
#include "layer/layer_stack.h"
#include "sys/stat.h"

namespace overpass::check {

/// A file of a lower.
struct LowerPlace {
  layer::LayerIndex layer;
  std::string path;  ///< From the layer's root, without leading slash.
  sys::Stat stat;
};

/// Directories that are merged, topmost first, of different layers.
using LowerStack = std::vector<LowerPlace>;

/// The same, open (O_PATH), in the same order. Valid until others are opened by the same Lowers.
using OpenLowers = std::vector<BorrowedFd>;

/// What the upper has under the name that is looked for below it.
enum class Above { Directory, Metacopy };

struct LowerAnswer {
  LowerStack directories;          ///< Above::Directory: what it is merged with.
  std::optional<LowerPlace> data;  ///< Above::Metacopy: the file that has the data.
  /// The first lower that has the name has something else there: no directory, no regular file.
  bool is_obstructed = false;
  /// A mark of a lower on the way that cannot be followed, in words; empty when all are sound.
  std::string trouble;
};

class Lowers {
 public:
  /// `stack` outlives this.
  explicit Lowers(const layer::LayerStack& stack);

  /// The roots of the lowers that are merged.
  const LowerStack& roots() const { return roots_; }

  /// Looks for `name`, one component or "/a/b" from the roots, below the merged `parents`, which
  /// are `open` or else are opened by their paths.
  Result<LowerAnswer> look_up(const LowerStack& parents, const OpenLowers& open,
                              const std::string& name, Above above) const;

  /// Costs little for directories near to those that were opened last.
  Result<OpenLowers> open(const LowerStack& directories);

  /// A regular file of a lower, for reading.
  Result<UniqueFd> open_file(const LowerPlace& file) const;

 private:
  const layer::LayerStack& stack_;
  LowerStack roots_;
  std::vector<Walk> walks_;  ///< By layer.
};

/// Whether any of the directories has an entry `name` of whatever kind, shown or not.
Result<bool> is_named_in(const OpenLowers& directories, const std::string& name);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_LOWER_LOOKUP_H_
