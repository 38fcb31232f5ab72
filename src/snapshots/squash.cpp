// SPDX-License-Identifier: MIT
//
// The new layer is made in a directory of the sandbox that its record does not name, so that it
// goes with whatever comes next if this ends early.

#include "snapshots/squash.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/nearest.h"
#include "changes/layers.h"
#include "layer/remove_tree.h"
#include "sandbox/layer_store.h"
#include "sandbox/unions.h"
#include "snapshots/merged_layer.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::snapshots {

namespace {

using sandbox::FileSystem;
using sandbox::Record;

/// The layers that other sandboxes have; all if that cannot be told.
std::set<std::string> shared_layers(const HeldSandbox& held) {
  std::set<std::string> shared;
  const std::string store = held.sandbox.store();
  for (const std::string& name : sandbox::sandbox_names(store)) {
    if (name == held.sandbox.name()) continue;
    const auto other = sandbox::Sandbox::open(store, name);
    const auto record = other ? sandbox::read_record(*other) : problem("");
    if (!record) {
      for (const FileSystem& one : held.record.file_systems) {
        shared.insert(one.layers.begin(), one.layers.end());
      }
      return shared;
    }
    for (const FileSystem& one : record->file_systems) {
      shared.insert(one.layers.begin(), one.layers.end());
    }
  }
  return shared;
}

/// What the layers know of what was there before them.
Result<void> write_base(const std::vector<std::string>& uppers, BorrowedFd home) {
  std::string text;
  for (const std::string& path : uppers) {
    const auto base = sys::read_file(path.substr(0, path.rfind('/')) + "/base");
    if (base) text.insert(0, *base);
  }
  const UniqueFd file = TRY(sys::open_at(home, "base", O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return TRY(sys::write_at(file, text, 0)) == text.size() ? Result<void>() : fail(ENOSPC);
}

Result<void> merge(const HeldSandbox& held, const FileSystem& one, BorrowedFd home,
                   const Watch& watch) {
  layer::LayerPaths paths;
  paths.lower = one.layer_paths(held.sandbox);
  const auto stack = changes::open_layers(paths);
  if (!stack) return fail(EIO);
  MergedLayers layers = {*stack, {false}, {}};
  layers.roots.emplace_back();
  const std::set<std::string> shared = shared_layers(held);
  for (size_t i = 0; i < paths.lower.size(); ++i) {
    layers.may_be_linked.push_back(!shared.contains(one.layers[i]));
    layers.roots.push_back(TRY(sys::open_path(paths.lower[i].c_str(), O_PATH | O_DIRECTORY)));
  }
  TRY(merge_layers(layers, home, watch));
  return write_base(paths.lower, home);
}

/// Makes the layer for one file system, in the record and in a new directory.
Result<void> squash_one(const HeldSandbox& held, Record& record, FileSystem& one,
                        const sandbox::LayerHold& hold, const Watch& watch) {
  const uint32_t number = record.free_directory();
  const std::string name = std::to_string(number);
  const BorrowedFd directory = held.sandbox.directory();
  TRY(sys::make_directory(directory, name.c_str(), 0700));
  const UniqueFd home = TRY(sys::open_at(directory, name.c_str(), O_RDONLY | O_DIRECTORY));
  if (auto merged = merge(held, one, home, watch); !merged) {
    (void)layer::remove_tree(directory, name.c_str());
    return merged;
  }
  one.layers = {TRY(hold.make_layer())};
  one.moving = number;
  // The upper was begun over another layer.
  one.directory = record.free_directory();
  return {};
}

}  // namespace

Expected<void> squash(HeldSandbox& held, const Watch& watch) {
  const auto hold = sandbox::LayerHold::take(held.sandbox.store());
  if (!hold) return std::unexpected(hold.error());
  Record record = held.record;
  if (record.snapshots.empty()) return {};
  sandbox::Snapshot left = {record.snapshots.back().label, sandbox::time_text(), {}};
  for (FileSystem& one : record.file_systems) {
    // One that is not there keeps its upper, which lies over its layers as they are.
    if (one.layers.size() > 1 && one.is_there()) {
      const auto done = squash_one(held, record, one, *hold, watch);
      if (done.failed_with(ECANCELED)) {
        return problem("interrupted", "the sandbox is as it was");
      }
      if (!done) {
        return problem("the layers of " + in_quotes(one.at) +
                           " cannot be merged: " + std::strerror(to_int(done.error())),
                       "make room, or correct the permissions; the sandbox is as it was");
      }
    }
    left.layers.insert(left.layers.end(), one.layers.begin(), one.layers.end());
  }
  record.snapshots = {std::move(left)};
  held.record = std::move(record);
  return commit(held);
}

}  // namespace overpass::snapshots
