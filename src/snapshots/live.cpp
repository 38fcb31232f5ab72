// SPDX-License-Identifier: MIT
//
// The record comes first: a view of an empty upper above the frozen one is the view of before, so
// whatever is killed afterwards, the record is right (docs/freeze.md).

#include "snapshots/live.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/nearest.h"
#include "layer/bases_of_layers.h"
#include "layer/markers.h"
#include "layer/remove_tree.h"
#include "sandbox/keeper.h"
#include "sandbox/layer_store.h"
#include "sandbox/message.h"
#include "sandbox/unions.h"
#include "snapshots/history.h"
#include "sys/children.h"
#include "sys/file_io.h"
#include "sys/lock_file.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::snapshots {

namespace {

using sandbox::FileSystem;
using sandbox::Record;
using sandbox::Sandbox;

constexpr char kLock[] = "layers.lock";
/// How often a daemon that is busy is asked to give layers up, two seconds and more each time.
constexpr int kAttempts = 10;
constexpr int kBetweenAttemptsMs = 200;

std::unexpected<Problem> refused(const FileSystem& one, Errno error) {
  const std::string cause =
      "the changes of " + in_quotes(one.at) +
      " cannot be frozen while the sandbox runs: " + std::strerror(to_int(error));
  if (error == Errno{EBUSY}) return problem(cause, "something is being copied up; try again");
  return problem(cause, "make the snapshot when it does not run; the log of the system says why");
}

std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : std::string(1, '\0')) + path;
  return text;
}

/// Nothing serves it, in a sandbox that shows less, or that has ended.
bool is_not_served(const Result<void>& result) {
  return result.failed_with(ENOENT) || result.failed_with(ECONNREFUSED);
}

/// Whether the daemon has the layers that the record names. A command that was killed between the
/// record and the freeze has left them different: that freeze is made up for.
Expected<void> check_layers(const Sandbox& sandbox, const FileSystem& one) {
  const std::vector<std::string> layers = one.layer_paths(sandbox);
  auto done = sandbox::control_unions(sandbox, "layers", joined(layers), one.at);
  if (done.failed_with(EINVAL) && one.moving != 0) {
    const std::vector<std::string> paths = {one.upper(sandbox), one.work(sandbox), layers.front()};
    done = sandbox::control_unions(sandbox, "freeze", joined(paths), one.at);
  }
  if (done || is_not_served(done)) return {};
  if (!done.failed_with(EINVAL)) {
    return problem("the layers of " + in_quotes(sandbox.name()) +
                       " cannot be compared with those that it runs with: " +
                       std::strerror(to_int(done.error())),
                   "try again, or end what runs in it first");
  }
  return problem("a command that changed the layers of " + in_quotes(sandbox.name()) +
                     " was interrupted while it ran",
                 "end what runs in it first");
}

/// Has the daemon go on with the new upper.
Expected<void> exchange(const Sandbox& sandbox, const FileSystem& frozen, const FileSystem& fresh) {
  const std::string value =
      fresh.upper(sandbox) + '\0' + fresh.work(sandbox) + '\0' + frozen.upper(sandbox);
  const auto done = sandbox::control_unions(sandbox, "freeze", value, frozen.at);
  return done ? Expected<void>() : refused(frozen, done.error());
}

/// One file system. The record on disk is right at each moment.
Expected<std::string> freeze_one(HeldSandbox& held, FileSystem& one,
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

std::unexpected<Problem> not_dropped(const FileSystem& one, Errno error) {
  const std::string cause =
      "the changes of " + in_quotes(one.at) +
      " cannot be taken out while the sandbox runs: " + std::strerror(to_int(error));
  if (error == Errno{EBUSY}) return problem(cause, "something is being copied up; try again");
  return problem(cause, "try again when it does not run; the log of the system says why");
}

/// The logs of stamps of layers, which a daemon may be writing to.
class StampLogs {
 public:
  /// `uppers`: topmost first.
  explicit StampLogs(const std::vector<std::string>& uppers) {
    for (const std::string& upper : uppers) {
      const std::string path = upper.substr(0, upper.rfind('/')) + "/base";
      auto file = sys::open_path(path.c_str(), O_RDONLY | O_NOFOLLOW);
      if (file) logs_.insert(logs_.begin(), std::move(*file));
    }
  }

  /// What has come since the last call, the oldest first.
  Result<std::string> take() {
    std::string text;
    for (const UniqueFd& log : logs_) text += TRY(sys::read_to_end(log));
    return text;
  }

 private:
  std::vector<UniqueFd> logs_;
};

/// The stamps of layers that go, beside the upper that stays.
Result<void> write_stamps(const std::string& base_log, const std::string& text) {
  const std::string fresh = base_log + ".new";
  {
    const UniqueFd file =
        TRY(sys::open_at(BorrowedFd{AT_FDCWD}, fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    TRY(sys::write_text(file, text));
  }
  return sys::rename({BorrowedFd{AT_FDCWD}, fresh.c_str()},
                     {BorrowedFd{AT_FDCWD}, base_log.c_str()});
}

/// What keeps the daemon busy, a copy of a large file perhaps, comes to an end.
Result<void> command_patiently(const HeldSandbox& held, const FileSystem& one, const char* command,
                               const std::string& value) {
  for (int attempt = 1;; ++attempt) {
    const auto done = sandbox::control_unions(held.sandbox, command, value, one.at);
    if (is_not_served(done)) return {};
    if (!done.failed_with(EBUSY) || attempt == kAttempts) return done;
    sys::pause_for(kBetweenAttemptsMs);
  }
}

/// Has the daemon go on with the layers `kept`, without the names that `taken` lists, a directory,
/// or "/" for none; if one runs.
Result<void> exchange_layers(const HeldSandbox& held, const FileSystem& one,
                             const std::vector<std::string>& kept, const std::string& taken = "/") {
  if (!held.is_running) return {};
  std::string value = one.base_log(held.sandbox) + '\0' + taken;
  for (const std::string& id : kept) {
    value += '\0' + sandbox::layer_path(held.sandbox.store(), id);
  }
  return command_patiently(held, one, "drop", value);
}

/// Where names of layers that stay are moved to: a directory of the sandbox that its record does
/// not name, so that it goes with whatever comes next if this ends early.
class NamesToTake {
 public:
  explicit NamesToTake(const HeldSandbox& held) : held_(held) {}
  ~NamesToTake() { (void)layer::remove_tree(held_.sandbox.directory(), number_.c_str()); }
  NamesToTake(const NamesToTake&) = delete;
  NamesToTake& operator=(const NamesToTake&) = delete;

  /// Lists them there (overlay/freeze/taken_names.h): the directory.
  Result<std::string> list(const std::vector<LayerName>& names) {
    if (names.empty()) return "/";
    number_ = std::to_string(held_.record.free_directory());
    const BorrowedFd sandbox = held_.sandbox.directory();
    const UniqueFd home = TRY(sys::make_and_open_directory(sandbox, number_.c_str(), 0700));
    const UniqueFd file = TRY(sys::open_at(home, "names", O_WRONLY | O_CREAT | O_EXCL, 0600));
    std::string text;
    for (const LayerName& name : names) {
      text += sandbox::layer_path(held_.sandbox.store(), name.layer) + '\0' + name.path + '\0';
    }
    TRY(sys::write_text(file, text));
    return held_.sandbox.path() + "/" + number_;
  }

 private:
  const HeldSandbox& held_;
  std::string number_;
};

/// The upper's root says which lower it was begun over (layer/index_directory.h); the next mount
/// says so again.
Result<void> forget_lower(const std::string& upper) {
  const UniqueFd root = TRY(sys::open_path(upper.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  for (const layer::Prefix prefix : {layer::Prefix::Trusted, layer::Prefix::User}) {
    const char* mark = layer::name_of(layer::Mark::Origin, prefix);
    const auto removed = sys::remove_xattr(sys::place_of(root), mark);
    const bool is_absent = removed.failed_with(ENODATA) || removed.failed_with(EOPNOTSUPP) ||
                           (prefix == layer::Prefix::Trusted && removed.failed_with(EPERM));
    if (!removed && !is_absent) return removed;
  }
  return {};
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
  for (const FileSystem& one : record->file_systems) {
    if (!one.is_there()) continue;
    if (auto checked = check_layers(*sandbox, one); !checked) {
      return std::unexpected(checked.error());
    }
  }
  auto visit = sandbox::connect_to_keeper(*sandbox);
  if (!visit || !sandbox::receive_answer(*visit)) {
    return problem(in_quotes(name) + " is just beginning or ending", "try again");
  }
  if (auto settled = settle(*sandbox, *record); !settled) return std::unexpected(settled.error());
  return HeldSandbox{std::move(*sandbox), std::move(*lock), std::move(*record), true,
                     std::move(*visit)};
}

Expected<std::string> snapshot_running(HeldSandbox& held, std::string label) {
  auto chosen = label_of(held.record, std::move(label), held.sandbox.name());
  if (!chosen) return chosen;
  if (auto frozen = freeze_running(held); !frozen) return std::unexpected(frozen.error());
  held.record.add_snapshot(*chosen);
  if (auto done = commit(held); !done) return std::unexpected(done.error());
  return *chosen;
}

Expected<void> freeze_running(HeldSandbox& held) {
  const auto hold = sandbox::LayerHold::take(held.sandbox.store());
  if (!hold) return std::unexpected(hold.error());
  for (FileSystem& one : held.record.file_systems) {
    if (!one.is_there() || !is_changed(held.sandbox, held.record, one)) continue;
    if (auto id = freeze_one(held, one, *hold); !id) return std::unexpected(id.error());
  }
  return commit(held);
}

Expected<void> hold_directories(const HeldSandbox& held) {
  const auto done = sandbox::control_unions(held.sandbox, "hold", "");
  if (done) return {};
  return problem("the unions of " + in_quotes(held.sandbox.name()) +
                     " do not answer: " + std::strerror(to_int(done.error())),
                 "end what runs in it first");
}

Expected<void> hold_moved(const HeldSandbox& held, const FileSystem& one,
                          const std::vector<std::string>& moved) {
  const auto done = command_patiently(held, one, "hold", joined(moved));
  if (done) return {};
  const std::string cause =
      "the directories of " + in_quotes(one.at) +
      " cannot be held while they are renamed: " + std::strerror(to_int(done.error()));
  if (done.failed_with(EBUSY)) return problem(cause, "something is being copied up; try again");
  return problem(cause, "end what runs in " + in_quotes(held.sandbox.name()) + " first");
}

Expected<void> drop_layers(HeldSandbox& held, FileSystem& one, const std::vector<std::string>& kept,
                           const std::string& stamps, const std::vector<LayerName>& names) {
  const std::string base_log = one.base_log(held.sandbox);
  // What stays has its stamps where it is.
  std::vector<std::string> uppers = {one.upper(held.sandbox)};
  for (const std::string& id : one.layers) {
    if (std::ranges::count(kept, id) > 0) continue;
    uppers.push_back(sandbox::layer_path(held.sandbox.store(), id));
  }
  const std::string home = base_log.substr(0, base_log.rfind('/'));
  std::vector<std::string> leaving;
  for (const std::string& upper : uppers) leaving.push_back(upper.substr(0, upper.rfind('/')));
  std::erase(leaving, home);
  StampLogs logs(uppers);
  NamesToTake to_take(held);
  const auto drop = [&]() -> Result<void> {
    TRY(write_stamps(base_log, TRY(logs.take()) + stamps));
    // What cannot be kept only cannot be merged later.
    (void)layer::join_bases(leaving, home);
    TRY(exchange_layers(held, one, kept, TRY(to_take.list(names))));
    // Until now the daemon has kept some beside a layer that leaves.
    (void)layer::join_bases(leaving, home);
    if (kept.size() < one.layers.size()) TRY(forget_lower(one.upper(held.sandbox)));
    const std::string late = TRY(logs.take());
    if (late.empty()) return {};
    return sys::write_message(TRY(sys::open_file_for_appending(base_log.c_str())), late);
  };
  if (const auto dropped = drop(); !dropped) return not_dropped(one, dropped.error());
  if (kept.size() == one.layers.size()) return {};
  std::vector<std::string> gone = std::exchange(one.layers, kept);
  std::erase_if(gone, [&](const std::string& id) { return std::ranges::count(kept, id) > 0; });
  held.record.forget_layers(gone);
  auto done = commit(held);
  if (done) sandbox::collect_layers(held.sandbox.store());
  return done;
}

void release_directories(HeldSandbox& held) {
  for (FileSystem& one : held.record.file_systems) {
    if (held.is_running && one.is_there()) (void)exchange_layers(held, one, one.layers);
  }
}

}  // namespace overpass::snapshots
