// SPDX-License-Identifier: MIT
//
// Makes the inodes of a former daemon again, from its records and the layers (survive=on).

#ifndef OVERPASS_OVERLAY_FIND_RESTORE_H_
#define OVERPASS_OVERLAY_FIND_RESTORE_H_

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "overlay/state/node_records.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

/// A rename that was asked for and not answered: it was made or not.
struct UnansweredRename {
  NodeId parent;
  std::string name;
  NodeId new_parent;
  std::string new_name;
  bool is_source = true;  ///< False for what is in the way, or changes places.
  uint64_t request = 0;   ///< As Caller has it.
};

/// The file without a name that a node is, as far as it was kept; null otherwise.
using KeptOrphan = std::function<SharedFd(NodeId)>;

struct Restored {
  size_t nodes = 0;
  /// Nodes that are not what the kernel was told of: it gets ESTALE for them.
  size_t lost = 0;
  /// There are more layers than when the nodes were recorded: names may lead elsewhere.
  bool has_other_layers = false;
};

/// To be called once, by one thread, before the first request; open files are restored after it
/// (open/reopen.h). Nodes that the kernel does not know, and nothing else needs, go again. Where
/// there are other layers, NodeRecords::set_layers() is called once the kernel has been told.
/// L: no lock on entry.
Restored restore_nodes(Overlay& overlay, NodeRecords& records,
                       std::span<const UnansweredRename> renames, const KeptOrphan& orphan_of);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_RESTORE_H_
