// SPDX-License-Identifier: MIT
//
// The standard streams of a command are files of the outside. A program may open what a descriptor
// leads to once more (/proc/self/fd), with all the rights that its user has outside.

#ifndef OVERPASS_SANDBOX_STREAMS_H_
#define OVERPASS_SANDBOX_STREAMS_H_

#include "base/problem.h"

namespace overpass::sandbox {

/// Replaces each standard stream that is a regular file open for reading alone by one of a
/// read-only mount, at the same offset, so that the file cannot be written to. A file that is open
/// for writing was given to be written. A problem for a directory, from which all of the outside
/// could be reached, and where a file cannot be replaced. For a process with a single thread.
Expected<void> guard_streams();

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_STREAMS_H_
