// SPDX-License-Identifier: MIT

#include "cli/snapshot_watch.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "cli/interruption.h"

namespace overpass::cli {

snapshots::Watch interruptible_watch(Context& context) {
  note_interruption({SIGINT, SIGTERM, SIGHUP});
  snapshots::Watch watch;
  watch.is_stopped = is_interrupted;
  if (::isatty(STDERR_FILENO) == 1) {
    watch.progress = [&context](size_t directories) {
      if (directories == 0) return;
      context.err << "\roverpass: " << directories << " directories looked through" << std::flush;
    };
  }
  return watch;
}

Expected<snapshots::HeldSandbox> hold_settled(const std::string& name) {
  auto held = snapshots::hold(sandbox::store_path(), name);
  if (!held) return held;
  const auto interrupted = apply::find_interrupted(held->sandbox);
  if (!interrupted) return std::unexpected(interrupted.error());
  if (!*interrupted) return held;
  return problem("an apply of " + in_quotes(name) + " was interrupted",
                 "end it: overpass apply " + name + " --continue, or --abort");
}

bool is_confirmed(Context& context, const std::string& question) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return true;
  context.err << "overpass: " << question << " [y/N] " << std::flush;
  std::string line;
  return std::getline(std::cin, line) && (line == "y" || line == "yes");
}

}  // namespace overpass::cli
