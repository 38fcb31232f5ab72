// SPDX-License-Identifier: MIT
//
// Layers in a scratch directory with marks of the prefix that everybody may set, and their changes
// as short lines.

#ifndef OVERPASS_TESTS_UNIT_CHANGES_CHANGED_LAYERS_H_
#define OVERPASS_TESTS_UNIT_CHANGES_CHANGED_LAYERS_H_

#include <string>
#include <vector>

#include "../sys/scratch.h"
#include "changes/layers.h"
#include "changes/list.h"

namespace overpass::unit {

using Lines = std::vector<std::string>;

class ChangedLayers {
 public:
  ChangedLayers() {
    paths.upper = disk.directory("upper");
    paths.userxattr = true;
    add_lower("lower");
  }

  /// One more lower below those there are.
  void add_lower(const std::string& name) { paths.lower.push_back(disk.directory(name)); }
  void add_data_layer(const std::string& name) { paths.data_only.push_back(disk.directory(name)); }

  /// Sets "user.overlay." and `mark`.
  void mark(const std::string& name, const std::string& mark, const std::string& value) const {
    disk.set_xattr(name, ("user.overlay." + mark).c_str(), value);
  }

  layer::LayerStack open() const {
    auto stack = changes::open_layers(paths);
    if (!stack) throw std::runtime_error(stack.error().line());
    return std::move(*stack);
  }

  /// "M path content,mode", "R old new", "D path"; what could not be read as "! path".
  Lines changes(const changes::ReadOptions& options = {}) const {
    const layer::LayerStack stack = open();
    const auto list = changes::read_list(stack, options);
    if (!list) throw std::runtime_error("read_list");
    Lines lines;
    for (const changes::Change& change : list->changes) lines.push_back(line_of(change));
    for (const changes::Unread& unread : list->unread) lines.push_back("! " + unread.path);
    return lines;
  }

  Scratch disk;
  layer::LayerPaths paths;

 private:
  static std::string line_of(const changes::Change& change) {
    std::string line(1, "DRAMT"[static_cast<size_t>(change.kind)]);
    const bool is_deletion = change.kind == changes::Kind::Deleted;
    line += " " + (is_deletion ? change.old_path : change.path);
    if (change.kind == changes::Kind::Renamed) line += " from " + change.old_path;
    const char* separator = " ";
    const auto add = [&](bool differs, const char* word) {
      if (!differs) return;
      line += separator + std::string(word);
      separator = ",";
    };
    add(change.differs.content, "content");
    add(change.differs.mode, "mode");
    add(change.differs.owner, "owner");
    add(change.differs.xattrs, "xattrs");
    return line;
  }
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_CHANGES_CHANGED_LAYERS_H_
