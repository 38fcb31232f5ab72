// SPDX-License-Identifier: MIT
//
// Fills a new sandbox from the directories that export_directory.h makes. Their marks are read as a
// union reads them, and made anew.

#ifndef OVERPASS_ARCHIVE_READ_DIRECTORY_H_
#define OVERPASS_ARCHIVE_READ_DIRECTORY_H_

#include <string>

#include "base/problem.h"
#include "snapshots/index_links.h"

namespace overpass::archive {

/// Makes the sandbox `name` of the plain directory at `path`.
Expected<void> import_directory(const std::string& path, const std::string& name,
                                const snapshots::Watch& watch);

/// Makes the sandbox `name` of the mount stack at `path`. Its lowest layer must be a link to what a
/// union is over here; layers above it are called by numbers. A problem for images and binds.
Expected<void> import_mstack(const std::string& path, const std::string& name,
                             const snapshots::Watch& watch);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_READ_DIRECTORY_H_
