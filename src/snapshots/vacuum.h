// SPDX-License-Identifier: MIT
//
// Removes from an upper what changes nothing: copies that equal what the lowers show, whiteouts
// that hide nothing, and directories that are left empty by that.

#ifndef OVERPASS_SNAPSHOTS_VACUUM_H_
#define OVERPASS_SNAPSHOTS_VACUUM_H_

#include <cstdint>

#include "base/problem.h"
#include "snapshots/held_sandbox.h"
#include "snapshots/index_links.h"

namespace overpass::snapshots {

struct Vacuumed {
  uint64_t names = 0;
  uint64_t bytes = 0;  ///< That they took on the disk.
};

struct VacuumOptions {
  bool ignores_times = false;  ///< Also what has another modification time. It is then lost.
  bool is_dry = false;         ///< Remove nothing, only count.
};

/// What the uppers of the sandbox lost. Files of several names stay. When it is stopped or fails,
/// the sandbox shows the same, too.
Expected<Vacuumed> vacuum(const HeldSandbox& held, const VacuumOptions& options,
                          const Watch& watch);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_VACUUM_H_
