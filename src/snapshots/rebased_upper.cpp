// SPDX-License-Identifier: MIT

#include "snapshots/rebased_upper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <optional>

#include "base/nearest.h"
#include "changes/compare.h"
#include "changes/layers.h"
#include "layer/base_stamp.h"
#include "layer/remove_tree.h"
#include "snapshots/layer_walk.h"
#include "snapshots/upper_builder.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::snapshots {

namespace {

using changes::Found;
using changes::View;

/// Has the directories that the sandbox did not change be as the new lower has them.
class FollowingSink : public LayerSink {
 public:
  struct Lowers {
    View* before = nullptr;  ///< The former lower, if it is there and another one.
    View& after;
    std::map<std::string, layer::BaseStamp> stamps;
  };

  FollowingSink(LayerSink& sink, Lowers lowers) : sink_(sink), lowers_(std::move(lowers)) {}

  bool takes_sockets() const override { return sink_.takes_sockets(); }

  Result<void> add(const LayerEntry& entry, BorrowedFd content) override {
    const bool may_follow = S_ISDIR(entry.stat.stx_mode) && entry.moved_from.empty();
    return may_follow ? sink_.add(TRY(followed(entry))) : sink_.add(entry, content);
  }
  Result<void> hide(const std::string& path) override { return sink_.hide(path); }
  Result<void> hide_below(const std::string& path) override { return sink_.hide_below(path); }

 private:
  Result<LayerEntry> followed(LayerEntry entry) {
    const Found after = TRY(lowers_.after.find(entry.path));
    if (after.directories.empty()) return entry;
    const sys::Stat& now = after.top().stat;
    if (lowers_.before != nullptr) {
      if (!TRY(is_as_before(entry))) return entry;
      entry.stat.stx_uid = now.stx_uid;
      entry.stat.stx_gid = now.stx_gid;
      entry.stat.stx_mode = now.stx_mode;
      entry.xattrs = TRY(changes::shown_xattrs(lowers_.after, after.top()));
      return entry;
    }
    // Nothing else of a directory is in a stamp.
    const auto stamp = lowers_.stamps.find(entry.path);
    const bool is_unchanged =
        stamp != lowers_.stamps.end() && stamp->second.mode == entry.stat.stx_mode;
    if (is_unchanged) entry.stat.stx_mode = now.stx_mode;
    return entry;
  }

  Result<bool> is_as_before(const LayerEntry& entry) {
    const Found before = TRY(lowers_.before->find(entry.path));
    if (before.directories.empty()) return false;
    const sys::Stat& then = before.top().stat;
    return then.stx_mode == entry.stat.stx_mode && then.stx_uid == entry.stat.stx_uid &&
           then.stx_gid == entry.stat.stx_gid &&
           TRY(changes::shown_xattrs(*lowers_.before, before.top())) == entry.xattrs;
  }

  LayerSink& sink_;
  Lowers lowers_;
};

std::unexpected<Problem> cannot_rebase(const std::string& path, Errno error) {
  if (error == Errno{ECANCELED}) return problem("interrupted; nothing has been changed");
  return problem(
      in_quotes(path) + " cannot be put over another directory: " + std::strerror(to_int(error)),
      "make room or correct the permissions; nothing has been changed");
}

/// The changing layers over the directory `lower`.
layer::LayerPaths paths_over(const sandbox::Sandbox& sandbox, const sandbox::FileSystem& place,
                             const std::string& lower) {
  layer::LayerPaths paths;
  paths.lower = place.layer_paths(sandbox);
  paths.lower.push_back(lower);
  const std::string upper = place.upper(sandbox);
  if (sys::open_path(upper.c_str(), O_PATH | O_DIRECTORY)) {
    paths.upper = upper;
    paths.work = place.work(sandbox);
  }
  return paths;
}

/// What is read and what is made.
struct Rebasing {
  const sandbox::Sandbox& sandbox;
  const sandbox::Record& record;
  const sandbox::FileSystem& place;
  const std::string& lower;
  const Watch& watch;
};

Expected<void> fill(const Rebasing& rebasing, BorrowedFd home, std::vector<std::string>& lost) {
  const sandbox::FileSystem& place = rebasing.place;
  const bool has_former = place.is_there();
  const std::string former = has_former ? place.base() : rebasing.lower;
  const auto layers = changes::open_layers(paths_over(rebasing.sandbox, place, former));
  if (!layers) return std::unexpected(layers.error());
  layer::LayerPaths lower;
  lower.lower = {rebasing.lower};
  const auto base = changes::open_layers(lower);
  if (!base) return std::unexpected(base.error());
  const auto changing = static_cast<layer::LayerIndex>(1 + place.layers.size());
  View after(*base, 1);
  View before(*layers, changing);
  auto builder = UpperBuilder::begin(home, "upper", after,
                                     {.prefix = layers->prefix,
                                      .gives_owner = !rebasing.record.has_one_owner,
                                      .is_stopped = rebasing.watch.is_stopped});
  if (!builder) return cannot_rebase(place.at, builder.error());
  const bool is_another = has_former && place.base() != rebasing.lower;
  FollowingSink sink(*builder, {.before = is_another ? &before : nullptr,
                                .after = after,
                                .stamps = layer::decode_stamps(place.read_base(rebasing.sandbox))});
  const auto is_found = [&](const std::string& from) {
    const auto found = after.find(from);
    const bool is_there = found && !found->directories.empty();
    if (!is_there) lost.push_back(from);
    return is_there;
  };
  const auto walked = walk_layer(
      {*layers, changing, is_found, rebasing.watch.is_stopped, rebasing.watch.progress}, sink);
  if (!walked) return cannot_rebase(place.at + "/" + walked.error().path, walked.error().error);
  const auto finished = builder->finish();
  return finished ? Expected<void>() : cannot_rebase(place.at, finished.error());
}

}  // namespace

Expected<RebasedUpper> rebase_upper(const sandbox::Sandbox& sandbox, const sandbox::Record& record,
                                    const sandbox::FileSystem& place, const std::string& lower,
                                    const Watch& watch) {
  RebasedUpper made{record.free_directory(), {}};
  const std::string number = std::to_string(made.directory);
  const auto home = sys::make_and_open_directory(sandbox.directory(), number.c_str(), 0700);
  if (!home) return cannot_rebase(place.at, home.error());
  auto filled = fill({sandbox, record, place, lower, watch}, *home, made.lost);
  if (filled) return made;
  (void)layer::remove_tree(sandbox.directory(), number.c_str());
  return std::unexpected(filled.error());
}

}  // namespace overpass::snapshots
