// SPDX-License-Identifier: MIT

#ifndef OVERPASS_CLI_UNMOUNT_H_
#define OVERPASS_CLI_UNMOUNT_H_

#include <string>

#include "base/problem.h"

namespace overpass::cli {

/// Takes the topmost mount at `mountpoint` away, which is absolute and without symbolic links.
/// `lazy`: now, even if files of it are in use. A Problem says why it is still there.
Expected<void> unmount(const std::string& mountpoint, bool lazy);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_UNMOUNT_H_
