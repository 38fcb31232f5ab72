// SPDX-License-Identifier: MIT

#include "apply/base_stamps.h"

#include <sys/stat.h>

#include <vector>

#include "changes/compare.h"
#include "changes/layers.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/base_stamp.h"

namespace overpass::apply {

Result<void> add_stamps(const Target& target, const std::string& path, std::string& text) {
  std::vector<std::string> pending = {path};
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    const sys::Stat stat = TRY(target.stat(at));
    text += layer::encode_stamp(layer::stamp_of(stat), at);
    if (!S_ISDIR(stat.stx_mode)) continue;
    const UniqueFd directory = TRY(target.directory(at));
    for (const std::string& name : TRY(check::names_in(directory))) {
      pending.push_back(check::joined(at, name));
    }
  }
  return {};
}

Result<std::string> stamps_of_base(const Target& target, const changes::List& list) {
  using changes::Kind;
  std::string text;
  for (const changes::Change& change : list.changes) {
    if (change.kind == Kind::Added) continue;
    if (change.kind == Kind::Deleted || change.kind == Kind::TypeChanged) {
      TRY(add_stamps(target, change.old_path, text));
    } else {
      const sys::Stat stat = TRY(target.stat(change.old_path));
      text += layer::encode_stamp(layer::stamp_of(stat), change.old_path);
    }
  }
  return text;
}

namespace {

/// Two directories, one of which takes the place of the other.
class Successor {
 public:
  /// `layers` has the present one at index 1, and the former one, if there is one, at 2.
  explicit Successor(const layer::LayerStack& layers)
      : now_(layers, 1, 2), former_(layers, 2), both_(layers, 1) {}

  layer::BaseStamp stamp_in(const std::string& path, layer::BaseStamp stamp) {
    const auto found = now_.find(path);
    const bool is_there = found && !found->is_nothing();
    if (is_there && is_alike(path, stamp, *found)) return layer::stamp_of(found->top().stat);
    // Its size, times or mode differ: it is one that was changed.
    stamp.ino = is_there ? found->top().stat.stx_ino : 0;
    return stamp;
  }

 private:
  bool is_alike(const std::string& path, const layer::BaseStamp& stamp,
                const changes::Found& found) {
    const layer::BaseStamp now = layer::stamp_of(found.top().stat);
    if (S_ISDIR(stamp.mode)) return now.mode == stamp.mode;
    layer::BaseStamp same = stamp;
    same.ino = now.ino;
    if (layer::is_same_but_ctime(same, now)) return true;
    const auto before = former_.find(path);
    if (!before || before->is_nothing() || (now.mode & S_IFMT) != (stamp.mode & S_IFMT)) {
      return false;
    }
    if (!layer::is_same(stamp, layer::stamp_of(before->top().stat))) return false;
    const auto differences = changes::compare(both_, *before, found);
    return differences && !differences->any();
  }

  changes::View now_, former_, both_;
};

}  // namespace

Expected<Stamps> stamps_in(const Stamps& stamps, const std::string& former,
                           const std::string& now) {
  layer::LayerPaths paths;
  paths.lower = {now};
  if (!former.empty()) paths.lower.push_back(former);
  const auto layers = changes::open_layers(paths);
  if (!layers) return std::unexpected(layers.error());
  Successor successor(*layers);
  Stamps known;
  for (const auto& [path, stamp] : stamps) known.emplace(path, successor.stamp_in(path, stamp));
  return known;
}

}  // namespace overpass::apply
