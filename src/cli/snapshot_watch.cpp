// SPDX-License-Identifier: MIT

#include "cli/snapshot_watch.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "cli/interruption.h"
#include "cli/question.h"
#include "sandbox/store.h"
#include "snapshots/history.h"
#include "snapshots/live.h"

namespace overpass::cli {

snapshots::Watch interruptible_watch(Context& context, const std::string& done) {
  note_interruption({SIGINT, SIGTERM, SIGHUP});
  snapshots::Watch watch;
  watch.is_stopped = is_interrupted;
  if (::isatty(STDERR_FILENO) == 1) {
    watch.progress = [&context, done](size_t count) {
      if (count == 0) return;
      context.err << "\roverpass: " << count << " " << done << std::flush;
    };
  }
  return watch;
}

namespace {

/// The sandbox, unless an apply of it was interrupted.
Expected<snapshots::HeldSandbox> settled(Expected<snapshots::HeldSandbox> held) {
  if (!held) return held;
  if (auto free = apply::check_not_interrupted(held->sandbox); !free) {
    return std::unexpected(free.error());
  }
  return held;
}

}  // namespace

Expected<snapshots::HeldSandbox> hold_running_or_not(const std::string& name) {
  const std::string store = sandbox::store_path();
  const auto sandbox = sandbox::Sandbox::open(store, name);
  const bool is_running = sandbox && sandbox->is_running();
  return is_running ? snapshots::hold_running(store, name) : snapshots::hold(store, name);
}

Expected<snapshots::HeldSandbox> hold_settled(const std::string& name) {
  return settled(snapshots::hold(sandbox::store_path(), name));
}

Expected<snapshots::HeldSandbox> hold_settled_running_or_not(const std::string& name) {
  return settled(hold_running_or_not(name));
}

Expected<std::string> make_snapshot(Context& context, snapshots::HeldSandbox& held,
                                    const std::string& label) {
  if (held.is_running) return snapshots::snapshot_running(held, label);
  return snapshots::snapshot(held, label, interruptible_watch(context));
}

bool is_confirmed(Context& context, const std::string& question) {
  return !is_on_terminal() || says_yes(context, "overpass: " + question);
}

}  // namespace overpass::cli
