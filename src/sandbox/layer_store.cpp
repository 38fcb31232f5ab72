// SPDX-License-Identifier: MIT
//
// Garbage is renamed while the lock is held and removed afterwards, which may take long.

#include "sandbox/layer_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "base/nearest.h"
#include "layer/remove_tree.h"
#include "sandbox/record.h"
#include "sandbox/store.h"
#include "sys/directory_stream.h"
#include "sys/lock_file.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::sandbox {

namespace {

constexpr char kLock[] = "lock";
/// What is being removed; no layer is called so.
constexpr std::string_view kTrash = ".removed-";

std::string layers_path(const std::string& store) { return store + "/" + std::string(kLayers); }

Result<UniqueFd> open_layers_directory(const std::string& store) {
  UniqueFd directory =
      TRY(sys::open_path(layers_path(store).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(directory)));
  if (stat.stx_uid != ::geteuid() || (stat.stx_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(EACCES);
  }
  return directory;
}

Result<UniqueFd> open_lock(BorrowedFd directory) {
  return sys::open_at(directory, kLock, O_RDWR | O_CREAT, 0600);
}

/// All ids that records refer to; nothing if a record cannot be read.
std::optional<std::set<std::string>> referred_layers(const std::string& store) {
  std::set<std::string> ids;
  for (const std::string& name : sandbox_names(store)) {
    const auto sandbox = Sandbox::open(store, name);
    if (sandbox.failed_with(ENOENT)) continue;
    if (!sandbox) return {};
    // One that is being made refers to nothing yet; it would need the lock.
    if (!has_record(*sandbox)) continue;
    const auto record = read_record(*sandbox);
    if (!record) return {};
    for (const FileSystem& one : record->file_systems) {
      ids.insert(one.layers.begin(), one.layers.end());
    }
    for (const Snapshot& one : record->snapshots) ids.insert(one.layers.begin(), one.layers.end());
  }
  return ids;
}

/// Puts the garbage aside: the names it has then, with what a crash has left.
std::vector<std::string> put_garbage_aside(BorrowedFd directory,
                                           const std::set<std::string>& referred) {
  std::vector<std::string> garbage, aside;
  (void)sys::for_each_entry(directory, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    const std::string name(entry.name);
    if (name.starts_with(kTrash)) aside.push_back(name);
    if (is_layer_id(name) && !referred.contains(name)) garbage.push_back(name);
    return {};
  });
  for (const std::string& name : garbage) {
    const std::string trash = std::string(kTrash) + name;
    if (sys::rename({directory, name.c_str()}, {directory, trash.c_str()})) aside.push_back(trash);
  }
  return aside;
}

}  // namespace

Expected<LayerHold> LayerHold::take(const std::string& store) {
  const auto open = [&]() -> Result<LayerHold> {
    const UniqueFd parent = TRY(sys::open_path(store.c_str(), O_RDONLY | O_DIRECTORY));
    auto made = sys::make_directory(parent, std::string(kLayers).c_str(), 0700);
    if (made.failed_with(EEXIST)) made = {};
    TRY(made);
    UniqueFd directory = TRY(open_layers_directory(store));
    UniqueFd lock = TRY(open_lock(directory));
    TRY(sys::lock_file_shared(lock));
    return LayerHold(std::move(directory), std::move(lock));
  };
  auto hold = open();
  if (hold) return std::move(*hold);
  return problem("the frozen layers in " + in_quotes(layers_path(store)) +
                     " cannot be used: " + std::strerror(to_int(hold.error())),
                 "make room, or correct owner and permissions");
}

Result<std::string> LayerHold::make_layer() const {
  std::string id = TRY(random_id());
  TRY(sys::make_directory(directory_, id.c_str(), 0700));
  return id;
}

Result<void> remove_layer(const std::string& store, const std::string& id) {
  const UniqueFd directory = TRY(open_layers_directory(store));
  const std::string trash = std::string(kTrash) + id;
  // Another process that looks for garbage may be at it as well, or have been killed.
  auto moved = sys::rename({directory, id.c_str()}, {directory, trash.c_str()});
  if (!moved && !moved.failed_with(ENOENT)) return moved;
  auto removed = layer::remove_tree(directory, trash.c_str());
  return removed.failed_with(ENOENT) ? Result<void>() : removed;
}

void collect_layers(const std::string& store) {
  const auto directory = open_layers_directory(store);
  if (!directory) return;
  std::vector<std::string> aside;
  {
    const auto lock = open_lock(*directory);
    if (!lock || !sys::lock_file(*lock)) return;
    const auto referred = referred_layers(store);
    if (!referred) return;
    aside = put_garbage_aside(*directory, *referred);
  }
  for (const std::string& name : aside) (void)layer::remove_tree(*directory, name.c_str());
}

}  // namespace overpass::sandbox
