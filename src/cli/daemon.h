// SPDX-License-Identifier: MIT
//
// Starts a daemon and waits: the caller learns that the mount is usable, or why it is not, and only
// then goes on.

#ifndef OVERPASS_CLI_DAEMON_H_
#define OVERPASS_CLI_DAEMON_H_

#include <sys/types.h>

#include <span>
#include <vector>

#include "cli/context.h"

namespace overpass::cli {

/// Serves in a child process. Returns when it has called on_ready, or with the problem for which it
/// has not. To be called while the process has a single thread.
Expected<void> serve_in_background(const config::Options& options, const Serve& serve);

/// Serves several unions, each in a child process of its own: its number when the union can be
/// used, or the problem. The children end with this process, as by SIGTERM.
std::vector<Expected<pid_t>> serve_all(std::span<const config::Options> unions, const Serve& serve);

/// Opens /dev/null for those of descriptors 0, 1 and 2 that are closed, so that no layer gets the
/// number.
Expected<void> open_standard_streams();

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_DAEMON_H_
