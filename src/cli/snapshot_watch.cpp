// SPDX-License-Identifier: MIT

#include "cli/snapshot_watch.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

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

bool is_confirmed(Context& context, const std::string& question) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return true;
  context.err << "overpass: " << question << " [y/N] " << std::flush;
  std::string line;
  return std::getline(std::cin, line) && (line == "y" || line == "yes");
}

}  // namespace overpass::cli
