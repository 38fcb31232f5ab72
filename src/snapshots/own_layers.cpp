// SPDX-License-Identifier: MIT

#include "snapshots/own_layers.h"

#include "base/problem.h"
#include "sandbox/store.h"

namespace overpass::snapshots {

using sandbox::FileSystem;

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

std::vector<std::string> own_layers(const HeldSandbox& held, const FileSystem& place) {
  if (place.layers.empty()) return {};
  std::set<std::string> needed = shared_layers(held);
  for (const sandbox::Snapshot& snapshot : held.record.snapshots) {
    needed.insert(snapshot.layers.begin(), snapshot.layers.end());
  }
  std::vector<std::string> own;
  for (const std::string& id : place.layers) {
    if (needed.contains(id)) break;
    own.push_back(id);
  }
  return own;
}

}  // namespace overpass::snapshots
