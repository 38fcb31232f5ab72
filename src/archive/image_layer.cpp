// SPDX-License-Identifier: MIT

#include "archive/image_layer.h"

#include <sys/stat.h>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"

namespace overpass::archive {

using check::joined;

std::string ImageLayerSink::placed(const std::string& path) const {
  return path.empty() ? place_ : joined(place_, path);
}

Result<void> ImageLayerSink::add(const snapshots::LayerEntry& entry, BorrowedFd content) {
  TarEntry written{placed(entry.path), entry.stat, entry.xattrs, entry.link_target};
  if (!entry.hard_link.empty()) written.hard_link = placed(entry.hard_link);
  if (has_one_owner_) written.stat.stx_uid = written.stat.stx_gid = 0;
  if (marks_ == Marks::WithMoves) {
    written.xattrs.clear();
    for (const auto& [name, value] : entry.xattrs) {
      written.xattrs.emplace(layer::stored_xattr_name(name, layer::Prefix::User), value);
    }
    if (!entry.moved_from.empty()) {
      written.xattrs.emplace(layer::name_of(layer::Mark::Redirect, layer::Prefix::User),
                             "/" + placed(entry.moved_from));
    }
  }
  if (written.path.empty()) {
    if (marks_ == Marks::OfImages) return {};
    written.path = ".";
  }
  return writer_.add(written, content);
}

Result<void> ImageLayerSink::hide(const std::string& path) {
  const std::string name = kWhiteoutFile + std::string(changes::name_of(path));
  return write_mark(joined(changes::parent_of(path), name));
}

Result<void> ImageLayerSink::hide_below(const std::string& path) {
  return write_mark(joined(path, kOpaqueFile));
}

/// An empty file whose name says something.
Result<void> ImageLayerSink::write_mark(const std::string& path) {
  TarEntry mark{placed(path)};
  mark.stat.stx_mode = S_IFREG | 0600;
  return writer_.add(mark);
}

}  // namespace overpass::archive
