// SPDX-License-Identifier: MIT
//
// A sandbox that does not run and cannot begin to, so that what is on disk can be changed.
//
// A command changes a sandbox by one rename of its record (sandbox/record.h). What the new record
// no longer names, and an upper that it names as a layer and that is not in its place yet, are put
// right afterwards: by the same command, or, if that was killed, by the next that comes.

#ifndef OVERPASS_SNAPSHOTS_HELD_SANDBOX_H_
#define OVERPASS_SNAPSHOTS_HELD_SANDBOX_H_

#include <string>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "sandbox/record.h"
#include "sandbox/store.h"

namespace overpass::snapshots {

struct HeldSandbox {
  sandbox::Sandbox sandbox;
  UniqueFd lock;
  sandbox::Record record;
  bool is_running = false;  ///< Its daemons have the layers (live.h).
  UniqueFd visit = {};      ///< Of one that runs: it does not end meanwhile by itself.
};

/// Takes the sandbox that a user called `name`. A problem, for this user, if it runs.
Expected<HeldSandbox> hold(const std::string& store, const std::string& name);

/// Brings the directories of the sandbox in line with its record: moves an upper that has been
/// frozen to the layers of the store, and removes directories that no file system has. REQUIRES:
/// the sandbox's lock is held.
Expected<void> settle(const sandbox::Sandbox& sandbox, sandbox::Record& record);

/// Writes the record and settles the sandbox. After a problem it is as before, or as it was to
/// become.
Expected<void> commit(HeldSandbox& held);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_HELD_SANDBOX_H_
