// SPDX-License-Identifier: MIT
//
// The daemon's life from open layers to unmount, as one call.

#ifndef OVERPASS_FUSE_SERVE_H_
#define OVERPASS_FUSE_SERVE_H_

#include <functional>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "config/options.h"

struct fuse_custom_io;

namespace overpass::fuse {

/// Opens the layers, mounts, and serves until the mount is unmounted or SIGTERM, SIGINT or SIGHUP
/// arrives. Calls `on_ready` once, when the mount is usable. On a problem nothing stays mounted
/// and nothing is left behind in the workdir. To be called once per process, with a single thread.
Expected<void> serve(const config::Options& options, const std::function<void()>& on_ready);

/// Options as they are with changes, given as in -o.
using ChangeOptions = std::function<Expected<config::Options>(const config::Options& options,
                                                              const std::string& changes)>;

/// Serves a mount that another program has made and keeps, from the time on when that says so,
/// until the mount ends or is handed on. In a program that was executed for it with `handover` and
/// `link` (executed_daemon.h). The keeper is told how it ended.
Expected<void> serve_handover(UniqueFd handover, UniqueFd link, const ChangeOptions& change);

/// For tests: serves requests that come from `connection` in place of a mount (Session::attach()),
/// until that ends. Calls `on_ready` when INIT was answered. The caller's thread has what
/// prepare_process() gives; a process may serve several connections.
Expected<void> serve_connection(const config::Options& options, UniqueFd connection,
                                const fuse_custom_io& io, const std::function<void()>& on_ready);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_SERVE_H_
