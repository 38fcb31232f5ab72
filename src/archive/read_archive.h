// SPDX-License-Identifier: MIT
//
// Fills a new sandbox from an archive (image_layer.h), which anybody may have written.

#ifndef OVERPASS_ARCHIVE_READ_ARCHIVE_H_
#define OVERPASS_ARCHIVE_READ_ARCHIVE_H_

#include "archive/image_layer.h"
#include "archive/imported_sandbox.h"
#include "archive/tar_reader.h"

namespace overpass::archive {

/// A problem for an entry that leads out of the archive or cannot be made.
Expected<void> read_archive(TarReader& reader, Marks marks, ImportedSandbox& sandbox,
                            const snapshots::Watch& watch);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_READ_ARCHIVE_H_
