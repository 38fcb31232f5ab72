// SPDX-License-Identifier: MIT
//
// A daemon that is a program of its own: how it is executed by a keeper's child, and what it sees
// to before it takes the mount over (mount_keeper.h, handover.h).

#ifndef OVERPASS_FUSE_EXECUTED_DAEMON_H_
#define OVERPASS_FUSE_EXECUTED_DAEMON_H_

#include <memory>
#include <optional>
#include <string>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "config/options.h"
#include "fuse/life.h"
#include "fuse/mount_keeper.h"
#include "fuse/survival.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

struct Daemon;
class Session;

/// The first argument of such a program. The numbers of three descriptors follow: the handover's,
/// that of the link to the keeper, and the program's own; and for people who look at processes the
/// mountpoint.
inline constexpr const char* kTakeOverWord = "__take_over";

/// Executes a program to serve the mount of `daemon` and `session`; `path` is that of the keeper's
/// own. Returns why not. In a process with one thread, which ends otherwise.
Problem execute_daemon(const Daemon& daemon, const Session& session, const Life& life,
                       const ProgramStart& start, const std::string& path);

/// A problem if this program or what it needs to begin lies in `mount`: another one could not begin
/// after its death. The mount is being served.
Expected<void> check_place(const std::optional<sys::MountedAt>& mount);

/// The records in `file`; a problem if this program does not know them.
Expected<std::unique_ptr<Survival>> adopt_records(UniqueFd file);

/// Says that this program is able, and goes by `options`, and takes what the keeper holds. False if
/// the keeper wants no daemon any more.
Expected<bool> wait_for_begin(Life& life, const config::Options& options);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_EXECUTED_DAEMON_H_
