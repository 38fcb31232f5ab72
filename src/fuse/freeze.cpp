// SPDX-License-Identifier: MIT
//
// What takes time is done before the gate is closed.

#include "fuse/freeze.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/scope_exit.h"
#include "fuse/daemon.h"
#include "fuse/layer_paths_of.h"
#include "overlay/freeze/freeze.h"
#include "overlay/state/copy_up_progress.h"

namespace overpass::fuse {

namespace {

using Clock = std::chrono::steady_clock;

/// How long copies may go on, with requests served.
constexpr std::chrono::milliseconds kForCopies{2000};
/// How long requests are kept out until those under way have ended.
constexpr std::chrono::milliseconds kForRequests{500};
constexpr std::chrono::milliseconds kBetweenLooks{2};

/// The directories of `value`, in the form of a union of two layers; nothing if it is garbled.
std::optional<layer::LayerPaths> paths_in(const config::Options& options, std::string_view value) {
  std::array<std::string, 3> texts;
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t end = value.find('\0');
    if ((end == std::string_view::npos) != (i == texts.size() - 1)) return {};
    texts[i] = value.substr(0, end);
    if (!texts[i].starts_with('/')) return {};
    if (end != std::string_view::npos) value.remove_prefix(end + 1);
  }
  layer::LayerPaths paths = layer_paths_of(options);
  paths.upper = texts[0];
  paths.work = texts[1];
  paths.lower = {texts[2]};
  paths.data_only.clear();
  return paths;
}

/// Nothing but this uses the union meanwhile.
Result<overlay::Frozen> freeze_alone(Daemon& daemon, overlay::NewUpper fresh) {
  const Gate::Closed closed = TRY(keep_requests_out(daemon));
  const Clock::time_point begun = Clock::now();
  daemon.files_by_node.let_go();
  overlay::Frozen frozen = TRY(overlay::freeze(daemon.overlay, std::move(fresh)));
  daemon.files.for_each([](overlay::OpenFile& file) { file.follow_freeze(); });
  const auto lasted = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
  log::debug("frozen in %lld us: %zu inodes, %zu open files copied, %zu of them while written to",
             static_cast<long long>(lasted.count()), frozen.inodes, frozen.kept, frozen.torn);
  return frozen;
}

}  // namespace

Result<Gate::Closed> keep_requests_out(Daemon& daemon) {
  const Clock::time_point end = Clock::now() + kForCopies;
  while (!daemon.overlay.copies.all().empty() && Clock::now() < end) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
  auto closed = daemon.gate.close(kForRequests);
  if (!closed) log::warn("the layers stay as they are: requests that are under way take too long");
  return closed;
}

Result<void> freeze(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  const auto paths = paths_in(daemon.options, value);
  if (!paths) return fail(EINVAL);
  TRY(caller.check_may_wait());
  if (daemon.is_freezing.exchange(true)) return fail(EBUSY);
  const ScopeExit end([&daemon] { daemon.is_freezing = false; });
  overlay::NewUpper fresh = TRY(overlay::open_new_upper(daemon.overlay, *paths));
  fresh.is_volatile = daemon.overlay.settings.is_volatile;
  overlay::settle(daemon.overlay, TRY(freeze_alone(daemon, std::move(fresh))));
  return {};
}

}  // namespace overpass::fuse
