// SPDX-License-Identifier: MIT

#include "snapshots/held_sandbox.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/nearest.h"
#include "layer/remove_tree.h"
#include "sandbox/layer_store.h"
#include "snapshots/index_links.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::snapshots {

namespace {

using sandbox::FileSystem;
using sandbox::Record;
using sandbox::Sandbox;

/// Moves the upper to its place among the layers of the store, if it is not there yet.
Result<void> move_frozen(const Sandbox& sandbox, const FileSystem& one) {
  const std::string place = sandbox::layer_path(sandbox.store(), one.layers.front());
  const std::string layer_path = place.substr(0, place.rfind('/'));
  const UniqueFd layer = TRY(sys::open_path(layer_path.c_str(), O_RDONLY | O_DIRECTORY));
  const std::string name = std::to_string(one.moving);
  const auto home = sys::open_at(sandbox.directory(), name.c_str(), O_RDONLY | O_DIRECTORY);
  if (home.failed_with(ENOENT)) return {};
  if (!home) return fail(home.error());
  const auto upper = sys::stat({*home, "upper"});
  if (upper.failed_with(ENOENT)) return {};
  TRY(upper);
  TRY(dissolve_index(*home, layer));
  for (const char* beside : {"links", "base", "bases"}) {
    auto moved = sys::rename({*home, beside}, {layer, beside});
    if (!moved && !moved.failed_with(ENOENT)) return moved;
  }
  return sys::rename({*home, "upper"}, {layer, "upper"});
}

/// The directories of file systems are called by numbers.
bool is_number(std::string_view name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<void> remove_unnamed(const Sandbox& sandbox, const Record& record) {
  std::vector<std::string> unnamed;
  const UniqueFd directory = TRY(sys::open_for_listing(sandbox.directory()));
  TRY(sys::for_each_entry(directory, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    const auto is_its = [&](const FileSystem& one) {
      return std::to_string(one.directory) == entry.name;
    };
    if (is_number(entry.name) && std::ranges::none_of(record.file_systems, is_its)) {
      unnamed.emplace_back(entry.name);
    }
    return {};
  }));
  for (const std::string& name : unnamed) TRY(layer::remove_tree(directory, name.c_str()));
  return {};
}

}  // namespace

Expected<void> settle(const Sandbox& sandbox, Record& record) {
  const auto bring = [&]() -> Result<void> {
    for (FileSystem& one : record.file_systems) {
      if (one.moving == 0 || one.layers.empty()) continue;
      TRY(move_frozen(sandbox, one));
      one.moving = 0;
    }
    // Their files may have links in a layer that is shown, which counts them.
    for (const std::string& id : record.dropped) {
      TRY(sandbox::remove_layer(sandbox.store(), id));
    }
    record.dropped.clear();
    return remove_unnamed(sandbox, record);
  };
  const auto brought = bring();
  if (brought) return {};
  return problem("what an interrupted command left in " + in_quotes(sandbox.path()) +
                     " cannot be put right: " + std::strerror(to_int(brought.error())),
                 "make room or correct the permissions, and try again");
}

Expected<HeldSandbox> hold(const std::string& store, const std::string& name) {
  auto sandbox = Sandbox::find(store, name);
  if (!sandbox) return std::unexpected(sandbox.error());
  auto lock = sandbox->lock();
  if (lock.failed_with(EWOULDBLOCK)) {
    return problem("the sandbox " + in_quotes(name) + " is running, or another command changes it",
                   "end what runs in it first");
  }
  if (!lock) {
    return problem("the sandbox " + in_quotes(name) +
                       " cannot be locked: " + std::strerror(to_int(lock.error())),
                   "correct the permissions");
  }
  auto record = sandbox::read_record(*sandbox);
  if (!record) return std::unexpected(record.error());
  if (auto settled = settle(*sandbox, *record); !settled) return std::unexpected(settled.error());
  return HeldSandbox{std::move(*sandbox), std::move(*lock), std::move(*record)};
}

Expected<void> commit(HeldSandbox& held) {
  if (auto written = sandbox::write_record(held.sandbox, held.record); !written) return written;
  return settle(held.sandbox, held.record);
}

}  // namespace overpass::snapshots
