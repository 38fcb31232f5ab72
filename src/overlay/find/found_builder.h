// SPDX-License-Identifier: MIT
//
// Puts together, from the top down, what the layers show under one name.

#ifndef OVERPASS_OVERLAY_FIND_FOUND_BUILDER_H_
#define OVERPASS_OVERLAY_FIND_FOUND_BUILDER_H_

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "layer/layer_stack.h"
#include "overlay/find/found.h"
#include "overlay/find/layer_reader.h"
#include "overlay/find/layer_step.h"

namespace overpass::overlay {

class FoundBuilder {
 public:
  explicit FoundBuilder(const SearchedName& searched) : searched_(searched) {}

  bool is_empty() const { return !has_object_; }
  bool is_of_lower() const { return has_object_ && found_.layer != layer::kUpper; }

  /// Adds what `layer` has: the search for `asked` gave `verdict`, which has found something, and
  /// `reader` is still at that object. True if the layers below need not be searched, because the
  /// index has led to the file.
  Result<bool> add(layer::LayerIndex layer, LayerReader& reader, const Wanted& asked,
                   const Verdict& verdict);

  /// The data of the metacopy are in the data-only layers, at `path`.
  void set_data_only(const std::string& path);

  /// REQUIRES: not empty. The last call.
  Found finish();

 private:
  Result<bool> add_first(layer::LayerIndex layer, LayerReader& reader, const Verdict& verdict);
  Result<bool> consult_index(layer::LayerIndex layer, LayerReader& reader, const Verdict& verdict);
  Result<void> add_data(layer::LayerIndex layer, LayerReader& reader, const Wanted& asked);
  Result<void> check_data(layer::LayerIndex layer, LayerReader& reader);
  std::string redirected_path(layer::LayerIndex layer, const Wanted& asked) const;
  std::string ordinary_path(layer::LayerIndex layer) const;
  void finish_relocation();

  const SearchedName& searched_;
  bool has_object_ = false;
  Found found_ = {};
  UniqueFd metacopy_;                     ///< O_PATH, of the last metacopy that was found.
  std::vector<std::string> lower_paths_;  ///< By found_.lowers; "" for the ordinary place.
  std::string upper_redirect_;            ///< The target after the upper, when it redirected.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_FOUND_BUILDER_H_
