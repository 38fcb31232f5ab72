// SPDX-License-Identifier: MIT
//
// The result of a search for a name (search.h).

#ifndef OVERPASS_OVERLAY_FIND_FOUND_H_
#define OVERPASS_OVERLAY_FIND_FOUND_H_

#include <memory>
#include <optional>
#include <vector>

#include "layer/layer_stack.h"
#include "layer/mark_values.h"
#include "overlay/find/index.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// The object that the layers hold under a name.
struct Found {
  layer::LayerIndex layer;                 ///< Of the object itself; the topmost for a directory.
  sys::Stat stat;                          ///< As that layer has it.
  KnownObject known;                       ///< The object, as the disk has it.
  std::vector<layer::LayerIndex> lowers;   ///< The lowers of a directory, topmost first.
  std::vector<Identity> lower_identities;  ///< Which directories these are.
  FileKey origin;                          ///< What st_ino is made of; kept over a copy-up.
  std::unique_ptr<Relocation> relocation;  ///< When some of the lowers were found elsewhere.
  std::unique_ptr<DataPlace> data;         ///< When the object is a metacopy.
  std::optional<IndexEntry> index;         ///< When it is reached by the index; then `layer` is
                                           ///< the upper, and `stat` that of the entry.
  bool is_new = false;                     ///< Just made: no inode in memory can be this file.
  layer::ProtectionMark protection;        ///< By chattr(1).
  /// For a lower file with several links that must stay one file.
  FileKey shared_lower;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_FOUND_H_
