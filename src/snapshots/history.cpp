// SPDX-License-Identifier: MIT

#include "snapshots/history.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/nearest.h"
#include "check/tree.h"
#include "sandbox/unions.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::snapshots {

namespace {

using sandbox::FileSystem;
using sandbox::LayerHold;
using sandbox::Record;
using sandbox::Sandbox;

Result<sys::Stat> stat_of(const std::string& path) {
  const UniqueFd directory = TRY(sys::open_path(path.c_str(), O_PATH | O_DIRECTORY));
  return sys::stat(sys::place_of(directory));
}

/// The directories that are merged, topmost first, without the upper.
std::vector<std::string> lowers_of(const Sandbox& sandbox, const FileSystem& place) {
  std::vector<std::string> lowers = place.layer_paths(sandbox);
  lowers.push_back(place.base());
  return lowers;
}

/// Gives the upper the names that only the index has. REQUIRES: there is an upper.
Result<void> link_names(const Sandbox& sandbox, const FileSystem& place, const Watch& watch) {
  UpperPlaces upper;
  upper.layers.lower = lowers_of(sandbox, place);
  upper.layers.upper = place.upper(sandbox);
  upper.layers.work = place.work(sandbox);
  upper.hidden = TRY(stat_of(sandbox.store()));
  const UniqueFd home = TRY(sys::open_at(
      sandbox.directory(), std::to_string(place.directory).c_str(), O_RDONLY | O_DIRECTORY));
  upper.home = home;
  return link_indexed_names(upper, watch);
}

std::unexpected<Problem> cannot_freeze(const FileSystem& place, Errno error) {
  if (error == Errno{ECANCELED}) {
    return problem("the snapshot was interrupted", "nothing has been changed");
  }
  return problem("the changes of " + in_quotes(place.at) +
                     " cannot be frozen: " + std::strerror(to_int(error)),
                 "make room or correct the permissions");
}

/// The first number that is no label.
std::string free_label(const Record& record) {
  for (size_t number = record.snapshots.size() + 1;; ++number) {
    if (std::string label = std::to_string(number); !record.find_snapshot(label)) return label;
  }
}

}  // namespace

bool is_changed(const Sandbox& sandbox, const Record& record, const FileSystem& place) {
  const std::string path = place.upper(sandbox);
  const auto upper = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (upper.failed_with(ENOENT)) return false;
  const auto names = upper ? check::names_in(*upper) : fail(upper.error());
  if (!names || !names->empty()) return true;
  const auto root = stat_of(path);
  const auto below = stat_of(lowers_of(sandbox, place).front());
  if (!root || !below || root->stx_mode != below->stx_mode) return true;
  // An ordinary user owns each upper.
  return !record.has_one_owner &&
         (root->stx_uid != below->stx_uid || root->stx_gid != below->stx_gid);
}

Expected<std::string> label_of(const Record& record, std::string label, const std::string& name) {
  if (label.empty()) return free_label(record);
  if (!record.find_snapshot(label)) return label;
  return problem(name + " has a snapshot " + in_quotes(label) + " already", "choose another label");
}

Expected<void> link_all_indexed_names(const HeldSandbox& held, const Watch& watch) {
  for (const FileSystem& one : held.record.file_systems) {
    if (!one.is_there() || stat_of(one.upper(held.sandbox)).failed_with(ENOENT)) continue;
    const auto linked = link_names(held.sandbox, one, watch);
    if (linked.failed_with(ECANCELED)) return problem("interrupted; nothing has been changed");
    if (!linked) {
      return problem("the changes of " + in_quotes(one.at) +
                         " cannot be read: " + std::strerror(to_int(linked.error())),
                     "make room or correct the permissions");
    }
  }
  return {};
}

Expected<std::string> freeze_upper(const Sandbox& sandbox, Record& record, FileSystem& place,
                                   const LayerHold& hold, const Watch& watch) {
  const auto prepare = [&]() -> Result<std::string> {
    TRY(link_names(sandbox, place, watch));
    return hold.make_layer();
  };
  auto id = prepare();
  if (!id) return cannot_freeze(place, id.error());
  const uint32_t next = record.free_directory();
  place.layers.insert(place.layers.begin(), *id);
  place.moving = place.directory;
  place.directory = next;
  auto made = sandbox::make_layers(sandbox, place, place.layer_paths(sandbox).front());
  if (!made) return std::unexpected(made.error());
  return std::move(*id);
}

bool has_unfrozen_changes(const HeldSandbox& held) {
  return std::ranges::any_of(held.record.file_systems, [&](const FileSystem& one) {
    return one.is_there() && is_changed(held.sandbox, held.record, one);
  });
}

Expected<std::string> snapshot(HeldSandbox& held, std::string label, const Watch& watch) {
  auto chosen = label_of(held.record, std::move(label), held.sandbox.name());
  if (!chosen) return chosen;
  const auto hold = LayerHold::take(held.sandbox.store());
  if (!hold) return std::unexpected(hold.error());
  Record record = held.record;
  for (FileSystem& one : record.file_systems) {
    if (!one.is_there() || !is_changed(held.sandbox, held.record, one)) continue;
    const auto id = freeze_upper(held.sandbox, record, one, *hold, watch);
    if (!id) return std::unexpected(id.error());
  }
  record.add_snapshot(*chosen);
  held.record = std::move(record);
  if (auto done = commit(held); !done) return std::unexpected(done.error());
  return chosen;
}

Expected<std::string> rollback(HeldSandbox& held, const std::string& label) {
  Record& record = held.record;
  if (record.snapshots.empty()) {
    return problem(held.sandbox.name() + " has no snapshot",
                   "'overpass rm " + held.sandbox.name() + "' drops all changes");
  }
  const auto chosen =
      label.empty() ? std::optional(record.snapshots.size() - 1) : record.find_snapshot(label);
  if (!chosen) {
    return problem(held.sandbox.name() + " has no snapshot " + in_quotes(label),
                   "'overpass log " + held.sandbox.name() + "' shows all");
  }
  record.snapshots.resize(*chosen + 1);
  for (FileSystem& one : record.file_systems) {
    while (!one.layers.empty() && !record.is_in_snapshot(one.layers.front())) {
      one.layers.erase(one.layers.begin());
    }
  }
  for (FileSystem& one : record.file_systems) one.directory = record.free_directory();
  if (auto done = commit(held); !done) return std::unexpected(done.error());
  sandbox::collect_layers(held.sandbox.store());
  return record.snapshots.back().label;
}

Expected<void> fork(const HeldSandbox& held, const std::string& name) {
  const std::string store = held.sandbox.store();
  if (!sandbox::is_sandbox_name(name) || name == sandbox::kLast) {
    return problem("no sandbox can be called " + in_quotes(name),
                   "use letters, digits, '.', '_' and '-'");
  }
  const auto hold = LayerHold::take(store);
  if (!hold) return std::unexpected(hold.error());
  const auto made = Sandbox::make(store, name);
  if (!made) return std::unexpected(made.error());
  const auto lock = made->lock();
  if (!lock || sandbox::has_record(*made)) {
    return problem("there is a sandbox " + in_quotes(name) + " already", "choose another name");
  }
  Record record = held.record;
  record.created = sandbox::time_text();
  auto written = sandbox::write_record(*made, record);
  if (!written) (void)sandbox::remove_sandbox(store, *made);
  return written;
}

}  // namespace overpass::snapshots
