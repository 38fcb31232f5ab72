// SPDX-License-Identifier: MIT
//
// What can fail comes before the gate is closed, or before anything is changed.

#include "fuse/drop_layers.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/scope_exit.h"
#include "fuse/daemon.h"
#include "fuse/freeze.h"
#include "fuse/refresh.h"
#include "layer/kept_base.h"
#include "overlay/find/lower_changes.h"
#include "overlay/freeze/layer_removal.h"
#include "overlay/freeze/taken_names.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::fuse {

namespace {

using Clock = std::chrono::steady_clock;

/// Nothing if one of them is no absolute path.
std::vector<std::string> paths_in(std::string_view value) {
  std::vector<std::string> paths;
  while (true) {
    const size_t end = value.find('\0');
    paths.emplace_back(value.substr(0, end));
    if (!paths.back().starts_with('/')) return {};
    if (end == std::string_view::npos) return paths;
    value.remove_prefix(end + 1);
  }
}

bool is_root_of(const overlay::Overlay& overlay, layer::LayerIndex layer, const sys::Stat& stat) {
  const auto root = sys::stat(sys::place_of(overlay.roots[layer]->fd));
  return root && root->stx_ino == stat.stx_ino && sys::device_of(*root) == sys::device_of(stat);
}

/// Which layers go, by index, if those at `paths` stay.
Result<std::vector<bool>> layers_that_go(const overlay::Overlay& overlay,
                                         std::span<const std::string> paths) {
  const layer::LayerStack& stack = overlay.stack;
  std::vector<bool> goes(stack.size(), false);
  const layer::LayerIndex lowest = stack.lowers_end() - 1;
  for (layer::LayerIndex layer = 1; layer < lowest; ++layer) goes[layer] = true;
  for (const std::string& path : paths) {
    const UniqueFd directory = TRY(sys::open_path(path.c_str(), O_PATH | O_DIRECTORY));
    const sys::Stat stat = TRY(sys::stat(sys::place_of(directory)));
    layer::LayerIndex layer = 1;
    while (layer < lowest && !is_root_of(overlay, layer, stat)) ++layer;
    if (layer == lowest) {
      log::warn("the layers are not as expected: '%s' is no lower of the union", path.c_str());
      return fail(EINVAL);
    }
    goes[layer] = false;
  }
  return goes;
}

/// The directories of the lowest lower at the paths of `value`, the longest path first.
Result<overlay::HiddenNames> pinned_at(const overlay::Overlay& overlay, std::string_view value) {
  overlay::HiddenNames pinned;
  const auto lowest = static_cast<layer::LayerIndex>(overlay.stack.lowers_end() - 1);
  while (!value.empty()) {
    const std::string path(value.substr(0, value.find('\0')));
    value.remove_prefix(std::min(path.size() + 1, value.size()));
    UniqueFd directory = TRY(sys::open_beneath(overlay.roots[lowest]->fd, path.c_str(),
                                               O_PATH | O_DIRECTORY | O_NOFOLLOW));
    pinned.push_back({lowest, path, std::make_shared<overlay::CachedFd>(std::move(directory))});
  }
  std::ranges::sort(pinned, std::ranges::greater(),
                    [](const overlay::HiddenName& name) { return name.rest.size(); });
  return pinned;
}

/// What the kernel has by names that lead elsewhere by now. Where it cannot be told, it asks when
/// it needs attributes or opens a file.
void forget_lost(Daemon& daemon, const std::vector<overlay::NodeId>& lost) {
  on_notifier(*daemon.notifier, [&] {
    for (const overlay::NodeId node : lost) daemon.notifier->pages_changed(node);
    (void)daemon.notifier->forget_idle(lost);
  });
}

/// Beside the upper that stays.
struct NewLog {
  UniqueFd stamps;
  UniqueFd bases;  ///< Only if these are kept.
};

Result<NewLog> open_log(const overlay::Overlay& overlay, const std::string& path) {
  NewLog log;
  log.stamps = TRY(sys::open_file_for_appending(path.c_str()));
  if (overlay.base.keeps_bases()) log.bases = layer::open_bases_if_possible(path);
  return log;
}

/// What the kernel has to be told.
Result<std::vector<overlay::NodeId>> drop_alone(Daemon& daemon, std::vector<bool> goes,
                                                overlay::TakenNames taken, NewLog log) {
  const Gate::Closed closed = TRY(keep_requests_out(daemon));
  const Clock::time_point begun = Clock::now();
  daemon.files_by_node.let_go();
  overlay::LayerRemoval removal(daemon.overlay, std::move(goes), !taken.is_empty());
  TRY(removal.prepare());
  TRY(taken.take());
  // Beyond this point nothing fails.
  daemon.overlay.pinned.clear();
  removal.carry_out();
  daemon.files.for_each([&](overlay::OpenFile& file) { file.follow_removal(removal.indices()); });
  daemon.overlay.base.keep_in(std::move(log.stamps), std::move(log.bases));
  daemon.overlay.holds_directories = false;
  const auto lasted = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
  log::debug("layers taken out in %lld us: %zu inodes, %zu of them are something else by now",
             static_cast<long long>(lasted.count()), daemon.overlay.table.size(),
             removal.lost().size());
  return removal.lost();
}

}  // namespace

Result<void> check_layers(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  TRY(caller.check_may_wait());
  const std::vector<std::string> paths = paths_in(value);
  const std::vector<bool> goes = TRY(layers_that_go(daemon.overlay, paths));
  const bool are_these =
      std::ranges::count(goes, true) == 0 && paths.size() + 2 == daemon.overlay.stack.lowers_end();
  return are_these ? Result<void>() : fail(EINVAL);
}

Result<void> hold(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  overlay::HiddenNames pinned = TRY(pinned_at(daemon.overlay, value));
  if (!pinned.empty()) {
    TRY(caller.check_may_wait());
    if (daemon.is_freezing.exchange(true)) return fail(EBUSY);
    const ScopeExit end([&daemon] { daemon.is_freezing = false; });
    const Gate::Closed closed = TRY(keep_requests_out(daemon));
    daemon.overlay.pinned = std::move(pinned);
  }
  daemon.overlay.holds_directories = true;
  return {};
}

Result<void> drop_layers(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  const std::vector<std::string> paths = paths_in(value);
  if (paths.size() < 2) return fail(EINVAL);
  TRY(caller.check_may_wait());
  // Without following, refresh() would wait for locks of directories, the root's perhaps.
  if (!daemon.overlay.settings.may_be_frozen || !overlay::follows(daemon.overlay)) {
    return fail(EOPNOTSUPP);
  }
  if (daemon.is_freezing.exchange(true)) return fail(EBUSY);
  const ScopeExit end([&daemon] { daemon.is_freezing = false; });
  std::vector<bool> goes = TRY(layers_that_go(daemon.overlay, std::span(paths).subspan(2)));
  overlay::TakenNames taken;
  if (paths[1] != "/") taken = TRY(overlay::TakenNames::read(paths[1]));
  NewLog log = TRY(open_log(daemon.overlay, paths.front()));
  forget_lost(daemon, TRY(drop_alone(daemon, std::move(goes), std::move(taken), std::move(log))));
  return refresh(daemon, caller, "");
}

}  // namespace overpass::fuse
