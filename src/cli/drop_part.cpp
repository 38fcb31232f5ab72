// SPDX-License-Identifier: MIT

#include "cli/drop_part.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "apply/drop.h"
#include "apply/publish.h"
#include "apply/uncover.h"
#include "base/nearest.h"
#include "changes/layers.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/bases_of_layers.h"
#include "sandbox/layer_store.h"
#include "snapshots/forget_bases.h"
#include "snapshots/history.h"
#include "snapshots/live.h"
#include "snapshots/own_layers.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::cli {

namespace {

using sandbox::FileSystem;
using snapshots::HeldSandbox;

/// Everything that the file system changes goes, with its snapshots.
Expected<void> reset(HeldSandbox& held, FileSystem& one) {
  held.record.forget_layers(std::exchange(one.layers, {}));
  one.directory = held.record.free_directory();
  auto done = snapshots::commit(held);
  if (done) sandbox::collect_layers(held.sandbox.store());
  return done;
}

/// What the outside is now where steps have changed it. If what was merged stays in the sandbox all
/// the same, that is not over the outside as it is now, but over what both began with.
Result<std::string> stamps_of(const apply::JournalPart& part) {
  const apply::Target target = TRY(apply::Target::open(part.target));
  std::vector<apply::Step> steps = part.steps;
  std::erase_if(steps, [&](const apply::Step& step) {
    return std::ranges::find(part.merged, step.path) != part.merged.end();
  });
  return apply::stamps_after(target, steps);
}

/// What goes of what the sandbox keeps of the files from before.
std::vector<std::string> names_of(const apply::Dropped& dropped) {
  std::vector<std::string> names = dropped.names;
  names.insert(names.end(), dropped.trees.begin(), dropped.trees.end());
  return names;
}

std::unexpected<Problem> not_noted(Errno error) {
  return problem("what was applied cannot be noted: " + std::string(std::strerror(to_int(error))),
                 "make room or correct the permissions");
}

std::unexpected<Problem> not_taken_out(const HeldSandbox& held, Errno error) {
  return problem(
      "changes cannot be taken out of the sandbox: " + std::string(std::strerror(to_int(error))),
      "correct the permissions of what is in " + in_quotes(held.sandbox.path()));
}

/// A layer that a part is taken out of.
struct ThinnedLayer {
  std::string id;            ///< Empty: the upper.
  layer::LayerIndex number;  ///< In the stack.
  UniqueFd root;
};

/// The file system's layers, and those of them that the part is taken out of. Of a sandbox that
/// runs the upper is not among them.
struct Thinning {
  layer::LayerStack stack;
  std::vector<ThinnedLayer> layers;
};

Result<Thinning> open_layers(const HeldSandbox& held, const FileSystem& one,
                             const apply::JournalPart& part) {
  layer::LayerPaths paths;
  paths.lower = one.layer_paths(held.sandbox);
  paths.lower.push_back(one.base());
  // One that has not run since it was made has none.
  const bool has_upper = part.frozen.empty() && sys::open_path(one.upper(held.sandbox).c_str(),
                                                               O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (has_upper) paths.upper = one.upper(held.sandbox);
  auto stack = changes::open_layers(paths);
  if (!stack) return fail(EIO);
  Thinning thinning = {std::move(*stack), {}};
  const auto add = [&](const std::string& id, layer::LayerIndex number,
                       const std::string& path) -> Result<void> {
    UniqueFd root = TRY(sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    thinning.layers.push_back({id, number, std::move(root)});
    return {};
  };
  if (has_upper) TRY(add("", layer::kUpper, *paths.upper));
  for (size_t i = 0; i < one.layers.size(); ++i) {
    const std::string& id = one.layers[i];
    if (std::ranges::find(part.thinned, id) == part.thinned.end()) continue;
    TRY(add(id, static_cast<layer::LayerIndex>(i + 1), paths.lower[i]));
  }
  return thinning;
}

/// Opaque directories on the way show what is below. The lowest layer first, so that each finds the
/// others as they come to be.
Result<void> uncover_all(const Thinning& thinning, const apply::Dropped& dropped) {
  for (size_t i = thinning.layers.size(); i-- > 0;) {
    const ThinnedLayer& layer = thinning.layers[i];
    TRY(apply::uncover(thinning.stack, layer.number, layer.root, dropped));
  }
  return {};
}

/// What goes of each of the layers.
Result<std::vector<std::vector<std::string>>> names_of(const Thinning& thinning,
                                                       const apply::Dropped& dropped) {
  const auto below = static_cast<layer::LayerIndex>(thinning.layers.back().number + 1);
  changes::View base(thinning.stack, below);
  apply::LayeredDrop drop(dropped, [&base](const std::string& path) {
    const auto found = base.find(path);
    return found && found->directories.empty();
  });
  std::vector<std::vector<std::string>> names;
  for (const ThinnedLayer& layer : thinning.layers) names.push_back(TRY(drop.names_in(layer.root)));
  return names;
}

/// Of a sandbox that does not run.
Result<void> thin(const HeldSandbox& held, const FileSystem& one, const apply::JournalPart& part) {
  const Thinning thinning = TRY(open_layers(held, one, part));
  if (thinning.layers.empty()) return {};
  TRY(uncover_all(thinning, part.dropped));
  const auto names = TRY(names_of(thinning, part.dropped));
  const ThinnedLayer& top = thinning.layers.front();
  if (top.id.empty()) {
    const UniqueFd work =
        TRY(sys::open_path(one.work(held.sandbox).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    TRY(apply::drop(top.root, work, part.dropped));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    TRY(apply::remove_names(thinning.layers[i].root, names[i]));
  }
  return {};
}

/// Whether the layer changes nothing once its topmost `names` are gone.
Result<bool> is_emptied(const HeldSandbox& held, const Thinning& thinning,
                        const ThinnedLayer& layer, const std::vector<std::string>& names) {
  for (const std::string& name : TRY(check::names_in(layer.root))) {
    if (std::ranges::find(names, name) == names.end()) return false;
  }
  const sys::Stat root = TRY(sys::stat(sys::place_of(layer.root)));
  const layer::Layer& next = thinning.stack.layers[layer.number + 1];
  const sys::Stat below = TRY(sys::stat(sys::place_of(next.root)));
  const bool has_its_owner =
      held.record.has_one_owner || (root.stx_uid == below.stx_uid && root.stx_gid == below.stx_gid);
  return has_its_owner && root.stx_mode == below.stx_mode;
}

/// What leaves the frozen layers of a sandbox that runs.
struct Outgoing {
  std::vector<std::string> layers;  ///< The ids of those that go as a whole.
  std::vector<snapshots::LayerName> names;
};

Result<Outgoing> outgoing_of(const HeldSandbox& held, const FileSystem& one,
                             const apply::JournalPart& part) {
  Outgoing outgoing;
  if (part.is_whole) outgoing.layers = part.frozen;
  if (part.is_whole || !part.is_taken || part.thinned.empty()) return outgoing;
  const Thinning thinning = TRY(open_layers(held, one, part));
  if (thinning.layers.empty()) return outgoing;
  TRY(uncover_all(thinning, part.dropped));
  auto names = TRY(names_of(thinning, part.dropped));
  for (size_t i = 0; i < names.size(); ++i) {
    const ThinnedLayer& layer = thinning.layers[i];
    if (TRY(is_emptied(held, thinning, layer, names[i]))) {
      outgoing.layers.push_back(layer.id);
      continue;
    }
    for (std::string& path : names[i]) outgoing.names.push_back({layer.id, std::move(path)});
  }
  return outgoing;
}

/// What no daemon has taken out, since the sandbox has ended meanwhile.
Result<void> remove_left(const HeldSandbox& held, const std::vector<snapshots::LayerName>& names) {
  for (const snapshots::LayerName& name : names) {
    const std::string path = sandbox::layer_path(held.sandbox.store(), name.layer);
    const UniqueFd root = TRY(sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(apply::remove_names(root, {name.path}));
  }
  return {};
}

/// What stays in the sandbox, though it was applied, is over what is outside now.
void keep_new_bases(const HeldSandbox& held, const FileSystem& one, const apply::JournalPart& part,
                    const std::string& stamps) {
  if (!held.record.keeps_bases) return;
  auto known = layer::decode_stamps(stamps);
  std::erase_if(known, [&](const auto& stamp) {
    return part.is_taken && std::ranges::find(part.partly, stamp.first) == part.partly.end();
  });
  layer::keep_bases(one.homes(held.sandbox).front(), part.target, known);
}

/// Of what was made from frozen layers alone the upper stays: it has what came later.
Expected<void> drop_frozen(HeldSandbox& held, FileSystem& one, const apply::JournalPart& part) {
  const auto outgoing = outgoing_of(held, one, part);
  if (!outgoing) return not_taken_out(held, outgoing.error());
  std::vector<std::string> kept = one.layers;
  std::erase_if(kept, [&](const std::string& id) {
    return std::ranges::find(outgoing->layers, id) != outgoing->layers.end();
  });
  const auto stamps = stamps_of(part);
  if (!stamps) return not_noted(stamps.error());
  const auto known = layer::decode_stamps(one.read_base(held.sandbox));
  auto dropped = snapshots::drop_layers(held, one, kept, *stamps, outgoing->names);
  if (!dropped) return dropped;
  const auto removed = remove_left(held, outgoing->names);
  if (!removed) return not_taken_out(held, removed.error());
  keep_new_bases(held, one, part, *stamps);
  if (part.is_taken) snapshots::forget_bases(held, one, known, names_of(part.dropped));
  return {};
}

/// What was applied and stays in the sandbox, wholly or but for some hunks, is over the outside as
/// it is now.
Expected<void> stamp_applied(const HeldSandbox& held, const FileSystem& one,
                             const apply::JournalPart& part) {
  const auto stamp = [&]() -> Result<void> {
    const std::string text = TRY(stamps_of(part));
    if (text.empty()) return {};
    // One that has not run since it was made has no directory for it.
    TRY(held.sandbox.make_directory(std::to_string(one.directory), 0700));
    const UniqueFd file = TRY(sys::open_file_for_appending(one.base_log(held.sandbox).c_str()));
    TRY(sys::write_message(file, text));
    keep_new_bases(held, one, part, text);
    return {};
  };
  const auto stamped = stamp();
  return stamped ? Expected<void>() : not_noted(stamped.error());
}

/// Why the part cannot be taken out of layers `own`, the topmost ones of `one`; empty if it can.
Expected<std::string> obstacle_of(const HeldSandbox& held, const FileSystem& one,
                                  const apply::Part& part, const std::vector<std::string>& own) {
  const apply::Plan plan = apply::plan_of(part, apply::new_id());
  const std::vector<std::string> paths = one.layer_paths(held.sandbox);
  for (size_t i = own.size(); i < paths.size(); ++i) {
    const auto root = sys::open_path(paths[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const auto decides =
        root ? apply::decides_on(*root, plan.dropped) : Result<bool>(fail(root.error()));
    if (!decides) return not_taken_out(held, decides.error());
    if (*decides) return std::string("snapshots, or other sandboxes, have it");
  }
  // Each layer may have it under another path.
  const bool has_upper = !held.is_running && snapshots::is_changed(held.sandbox, held.record, one);
  const bool is_in_several = own.size() + (has_upper ? 1 : 0) > 1;
  if (is_in_several && part.all.count(changes::Kind::Renamed) > 0) {
    return std::string("directories were renamed, and several layers have them");
  }
  return std::string();
}

}  // namespace

Expected<void> choose_layers(const HeldSandbox& held, std::vector<apply::Part>& parts,
                             bool is_discarded) {
  for (apply::Part& part : parts) {
    const auto one =
        std::ranges::find(held.record.file_systems, part.directory, &FileSystem::directory);
    if (part.is_whole || one == held.record.file_systems.end()) continue;
    part.thinned = snapshots::own_layers(held, *one);
    const auto obstacle = obstacle_of(held, *one, part, part.thinned);
    if (!obstacle) return std::unexpected(obstacle.error());
    part.is_taken = obstacle->empty();
    const bool may_stay = !is_discarded && part.selected.count(changes::Kind::Renamed) == 0;
    if (part.is_taken || may_stay) continue;
    const std::string end = held.is_running ? "end what runs in it, then " : "";
    return problem("this part of " + in_quotes(held.sandbox.name()) + " cannot be " +
                       (is_discarded ? "discarded: " : "applied: ") + *obstacle,
                   end + "'overpass squash --thaw " + held.sandbox.name() +
                       "' gives the snapshots up and keeps the changes");
  }
  return {};
}

Expected<void> drop_part(HeldSandbox& held, const apply::JournalPart& part) {
  // The upper of a sandbox that runs may have become a layer meanwhile.
  const auto is_its = [&](const FileSystem& one) {
    return part.frozen.empty() ? one.directory == part.directory
                               : one.at == part.target && one.identity == part.identity;
  };
  const auto one = std::ranges::find_if(held.record.file_systems, is_its);
  if (one == held.record.file_systems.end()) return {};  // It has been done.
  if (!part.frozen.empty()) return drop_frozen(held, *one, part);
  if (part.is_whole) return reset(held, *one);
  if (!part.is_taken) return stamp_applied(held, *one, part);
  if (const auto thinned = thin(held, *one, part); !thinned) {
    return not_taken_out(held, thinned.error());
  }
  const auto known = layer::decode_stamps(one->read_base(held.sandbox));
  snapshots::forget_bases(held, *one, known, names_of(part.dropped));
  return part.partly.empty() ? Expected<void>() : stamp_applied(held, *one, part);
}

}  // namespace overpass::cli
