// SPDX-License-Identifier: MIT
//
// The merged listing of a directory's lowers: every visible name once, with the topmost layer that
// has it. It is read once and kept while memory allows, and while the lowers do not change
// (lower_changes.h). For a directory
// merged from many layers it tells whether a name exists, without a system call.

#ifndef OVERPASS_OVERLAY_STATE_LOWER_NAMES_H_
#define OVERPASS_OVERLAY_STATE_LOWER_NAMES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/layer_stack.h"
#include "overlay/state/clock_cache.h"

namespace overpass::overlay {

struct LowerName {
  uint32_t name_offset;
  uint16_t name_length;
  layer::LayerIndex layer;
  unsigned char type;  ///< DT_*.
  uint64_t ino;        ///< As the layer's file system numbers it.
};

/// Immutable once made.
class LowerNames : public Cached {
 public:
  const std::vector<LowerName>& all() const { return names_; }
  std::string_view text_of(const LowerName& name) const {
    return {text_.data() + name.name_offset, name.name_length};
  }
  /// Null when no lower shows the name.
  const LowerName* find(std::string_view name) const;

  /// Overlay::refreshes, and listing_version() where changes are followed, before it was read.
  uint32_t refreshes() const { return refreshes_; }
  uint32_t version() const { return version_; }

  /// Bytes of memory.
  size_t weight() const;

 private:
  friend class LowerNamesBuilder;

  uint32_t refreshes_ = 0;
  uint32_t version_ = 0;
  std::string text_;
  std::vector<LowerName> names_;
  std::vector<uint32_t> buckets_;  ///< Open addressing; position in names_ plus one.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_LOWER_NAMES_H_
