// SPDX-License-Identifier: MIT
//
// The new layer is made in a directory of the sandbox that its record does not name, so that it
// goes with whatever comes next if this ends early.

#include "snapshots/squash.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>

#include "base/nearest.h"
#include "changes/layers.h"
#include "layer/bases_of_layers.h"
#include "layer/remove_tree.h"
#include "sandbox/layer_store.h"
#include "sandbox/unions.h"
#include "snapshots/merged_layer.h"
#include "snapshots/own_layers.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::snapshots {

namespace {

using sandbox::FileSystem;
using sandbox::Record;

Result<void> merge(const HeldSandbox& held, const FileSystem& one,
                   const std::set<std::string>& shared, BorrowedFd home, const Watch& watch) {
  layer::LayerPaths paths;
  paths.lower = one.layer_paths(held.sandbox);
  paths.lower.push_back(one.base());
  const auto stack = changes::open_layers(paths);
  if (!stack) return fail(EIO);
  MergedLayers layers = {*stack, {false}, {}};
  layers.roots.emplace_back();
  for (size_t i = 0; i < one.layers.size(); ++i) {
    layers.may_be_linked.push_back(!shared.contains(one.layers[i]));
    layers.roots.push_back(TRY(sys::open_path(paths.lower[i].c_str(), O_PATH | O_DIRECTORY)));
  }
  return merge_layers(layers, home, watch);
}

/// The stamps of what was there before each layer's changes, in the order of
/// FileSystem::read_base().
Result<void> join_stamps(const HeldSandbox& held, const FileSystem& one, BorrowedFd home) {
  const std::string stamps = sandbox::joined_stamps(one.layer_paths(held.sandbox));
  if (stamps.empty()) return {};
  const UniqueFd file = TRY(sys::open_at(home, "base", O_WRONLY | O_CREAT | O_EXCL, 0600));
  return sys::write_text(file, stamps);
}

/// What each layer has kept of what was there.
Result<void> join_all_bases(const HeldSandbox& held, const FileSystem& one,
                            const std::string& home) {
  if (!held.record.keeps_bases) return {};
  std::vector<std::string> homes = one.homes(held.sandbox);
  homes.erase(homes.begin());  // The upper's stay beside it.
  return layer::join_bases(homes, home);
}

/// Makes the merged layer of one file system in a new directory of the sandbox: its number. Notes
/// in the record which layers go.
Result<uint32_t> merge_one(const HeldSandbox& held, Record& record, const FileSystem& one,
                           const Watch& watch) {
  const uint32_t number = record.free_directory();
  const std::string name = std::to_string(number);
  const BorrowedFd directory = held.sandbox.directory();
  const UniqueFd home = TRY(sys::make_and_open_directory(directory, name.c_str(), 0700));
  const std::set<std::string> shared = shared_layers(held);
  auto merged = merge(held, one, shared, home, watch);
  if (merged) merged = join_stamps(held, one, home);
  if (merged) merged = join_all_bases(held, one, held.sandbox.path() + "/" + name);
  if (merged) {
    std::ranges::copy_if(one.layers, std::back_inserter(record.dropped),
                         [&](const std::string& id) { return !shared.contains(id); });
    return number;
  }
  (void)layer::remove_tree(directory, name.c_str());
  return fail(merged.error());
}

std::unexpected<Problem> cannot_merge(const FileSystem& one, Errno error) {
  if (error == Errno{ECANCELED}) return problem("interrupted", "the sandbox is as it was");
  return problem(
      "the layers of " + in_quotes(one.at) + " cannot be merged: " + std::strerror(to_int(error)),
      "make room, or correct the permissions; the sandbox is as it was");
}

}  // namespace

Expected<void> thaw(HeldSandbox& held, const Watch& watch) {
  Record record = held.record;
  for (FileSystem& one : record.file_systems) {
    if (one.layers.empty()) continue;
    if (!one.is_there()) {
      return problem("what was at " + in_quotes(one.at) + " is not mounted any more",
                     "mount it, since its layers cannot be told from it otherwise");
    }
    const auto number = merge_one(held, record, one, watch);
    if (!number) return cannot_merge(one, number.error());
    one.layers.clear();
    one.directory = *number;
    if (auto made = sandbox::make_layers(held.sandbox, one, one.base()); !made) return made;
  }
  record.snapshots.clear();
  held.record = std::move(record);
  return commit(held);
}

Expected<void> squash(HeldSandbox& held, const Watch& watch) {
  const auto hold = sandbox::LayerHold::take(held.sandbox.store());
  if (!hold) return std::unexpected(hold.error());
  Record record = held.record;
  if (record.snapshots.empty()) return {};
  sandbox::Snapshot left = {record.snapshots.back().label, sandbox::time_text(), {}};
  for (FileSystem& one : record.file_systems) {
    // One that is not there keeps its upper, which lies over its layers as they are.
    if (one.layers.size() > 1 && one.is_there()) {
      const auto number = merge_one(held, record, one, watch);
      if (!number) return cannot_merge(one, number.error());
      const auto id = hold->make_layer();
      if (!id) return cannot_merge(one, id.error());
      one.layers = {*id};
      one.moving = *number;
      // The upper was begun over another layer.
      one.directory = record.free_directory();
    }
    left.layers.insert(left.layers.end(), one.layers.begin(), one.layers.end());
  }
  record.snapshots = {std::move(left)};
  held.record = std::move(record);
  return commit(held);
}

}  // namespace overpass::snapshots
