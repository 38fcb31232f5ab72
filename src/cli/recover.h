// SPDX-License-Identifier: MIT

#ifndef OVERPASS_CLI_RECOVER_H_
#define OVERPASS_CLI_RECOVER_H_

#include <string>

#include "base/problem.h"

namespace overpass::cli {

/// Takes the unions at `mountpoint` away whose daemons are dead, if there are any. Their open files
/// fail as before. What else is mounted there stays. A Problem when a dead one is still there.
Expected<void> take_dead_unions_away(const std::string& mountpoint);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_RECOVER_H_
