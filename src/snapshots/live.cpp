// SPDX-License-Identifier: MIT
//
// The record comes first: a view of an empty upper above the frozen one is the view of before, so
// whatever is killed afterwards, the record is right (docs/freeze.md).

#include "snapshots/live.h"

#include <fcntl.h>

#include <cstring>

#include "base/nearest.h"
#include "layer/remove_tree.h"
#include "sandbox/keeper.h"
#include "sandbox/layer_store.h"
#include "sandbox/unions.h"
#include "snapshots/history.h"
#include "sys/lock_file.h"
#include "sys/open.h"

namespace overpass::snapshots {

namespace {

using sandbox::FileSystem;
using sandbox::Record;
using sandbox::Sandbox;

constexpr char kLock[] = "layers.lock";

std::unexpected<Problem> refused(const FileSystem& one, Errno error) {
  const std::string cause =
      "the changes of " + in_quotes(one.at) +
      " cannot be frozen while the sandbox runs: " + std::strerror(to_int(error));
  if (error == Errno{EBUSY}) return problem(cause, "something is being copied up; try again");
  return problem(cause, "make the snapshot when it does not run; the log of the system says why");
}

/// Has the daemon go on with the new upper.
Expected<void> exchange(const Sandbox& sandbox, const FileSystem& frozen, const FileSystem& fresh) {
  const std::string value =
      fresh.upper(sandbox) + '\0' + fresh.work(sandbox) + '\0' + frozen.upper(sandbox);
  const auto done = sandbox::control_unions(sandbox, "freeze", value, frozen.at);
  return done ? Expected<void>() : refused(frozen, done.error());
}

/// One file system. The record on disk is right at each moment.
Expected<std::string> freeze_running(HeldSandbox& held, FileSystem& one,
                                     const sandbox::LayerHold& hold) {
  const FileSystem before = one;
  auto id = hold.make_layer();
  if (!id) return refused(one, id.error());
  one.moving = one.directory;
  one.directory = held.record.free_directory();
  one.layers.insert(one.layers.begin(), *id);
  auto done = sandbox::make_layers(held.sandbox, one, one.layer_paths(held.sandbox).front());
  if (done) done = sandbox::write_record(held.sandbox, held.record);
  if (done) done = exchange(held.sandbox, before, one);
  if (done) return std::move(*id);
  const std::string made = std::to_string(one.directory);
  one = before;
  if (auto written = sandbox::write_record(held.sandbox, held.record); !written) {
    return std::unexpected(written.error());
  }
  (void)layer::remove_tree(held.sandbox.directory(), made.c_str());
  return std::unexpected(done.error());
}

}  // namespace

Expected<HeldSandbox> hold_running(const std::string& store, const std::string& name) {
  auto sandbox = Sandbox::find(store, name);
  if (!sandbox) return std::unexpected(sandbox.error());
  auto lock = sys::open_at(sandbox->directory(), kLock, O_RDWR | O_CREAT, 0600);
  const auto locked = lock ? sys::lock_file(*lock) : Result<void>(fail(lock.error()));
  if (!locked) {
    return problem("the layers of " + in_quotes(name) +
                       " cannot be locked: " + std::strerror(to_int(locked.error())),
                   "another command may be changing them; try again");
  }
  auto record = sandbox::read_record(*sandbox);
  if (!record) return std::unexpected(record.error());
  if (auto settled = settle(*sandbox, *record); !settled) return std::unexpected(settled.error());
  return HeldSandbox{std::move(*sandbox), std::move(*lock), std::move(*record), true};
}

Expected<std::string> snapshot_running(HeldSandbox& held, std::string label) {
  auto chosen = label_of(held.record, std::move(label), held.sandbox.name());
  if (!chosen) return chosen;
  const auto hold = sandbox::LayerHold::take(held.sandbox.store());
  if (!hold) return std::unexpected(hold.error());
  sandbox::Snapshot made = {*chosen, sandbox::time_text(), {}};
  for (FileSystem& one : held.record.file_systems) {
    if (!one.is_there() || !is_changed(held.sandbox, held.record, one)) continue;
    auto id = freeze_running(held, one, *hold);
    if (!id) return std::unexpected(id.error());
    made.layers.push_back(std::move(*id));
  }
  held.record.snapshots.push_back(std::move(made));
  if (auto done = commit(held); !done) return std::unexpected(done.error());
  return *chosen;
}

}  // namespace overpass::snapshots
