// SPDX-License-Identifier: MIT
//
// What takes the changes of a union one after the other, each directory before what is in it: an
// archive that is being written, or an upper that is being made.

#ifndef OVERPASS_SNAPSHOTS_LAYER_SINK_H_
#define OVERPASS_SNAPSHOTS_LAYER_SINK_H_

#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::snapshots {

/// What is new or changed at a path. Paths are "a/b" from the union's root, which is "".
struct LayerEntry {
  std::string path;
  sys::Stat stat = {};
  std::map<std::string, std::string> xattrs = {};  ///< As users see them, with ACLs.
  std::string link_target = {};                    ///< Of a symbolic link.
  std::string hard_link = {};  ///< The path of an earlier entry that is the same file.
  /// Of a directory that is merged with one of the lowers at another path: that path.
  std::string moved_from = {};
};

class LayerSink {
 public:
  virtual ~LayerSink() = default;

  /// Whether sockets can be added. Otherwise they are left out, and hide what was at their place.
  virtual bool takes_sockets() const = 0;

  /// `content`, open for reading, is that of a regular file, of which holes stay holes.
  virtual Result<void> add(const LayerEntry& entry, BorrowedFd content = BorrowedFd{-1}) = 0;

  /// What the lowers have at `path` is deleted.
  virtual Result<void> hide(const std::string& path) = 0;

  /// Nothing is left of what the lowers have in the directory at `path`, which was added.
  virtual Result<void> hide_below(const std::string& path) = 0;
};

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_LAYER_SINK_H_
