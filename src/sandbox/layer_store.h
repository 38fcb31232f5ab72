// SPDX-License-Identifier: MIT
//
// The frozen layers of the store. Records refer to them, each by any number of sandboxes; a layer
// that no record refers to is garbage. STORE/@layers/lock is held (flock(2)) shared by a process
// that brings a reference into a record, and exclusively by one that looks for garbage.

#ifndef OVERPASS_SANDBOX_LAYER_STORE_H_
#define OVERPASS_SANDBOX_LAYER_STORE_H_

#include <string>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sandbox {

/// While it lives no layer of the store is removed. To be held from before a layer gets its
/// directory, or a record is read whose layers are to be shared, until the new record is written.
class LayerHold {
 public:
  /// Makes the place of the layers if it is missing. Waits for those who look for garbage.
  static Expected<LayerHold> take(const std::string& store);

  /// Makes the directory of a layer that is to come: its id.
  Result<std::string> make_layer() const;

  /// STORE/@layers, open for reading.
  BorrowedFd directory() const { return directory_; }

 private:
  LayerHold(UniqueFd directory, UniqueFd lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}

  UniqueFd directory_, lock_;
};

/// Removes a layer that no record refers to, nor can. Nothing if it is not there.
Result<void> remove_layer(const std::string& store, const std::string& id);

/// Removes the layers that no record refers to. Does nothing if a record cannot be read, or while
/// another process adds layers: a later call finds what is left. Best effort.
void collect_layers(const std::string& store);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_LAYER_STORE_H_
