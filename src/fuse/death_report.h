// SPDX-License-Identifier: MIT

#ifndef OVERPASS_FUSE_DEATH_REPORT_H_
#define OVERPASS_FUSE_DEATH_REPORT_H_

#include "fuse/request_trace.h"

namespace overpass::fuse {

/// After the death of a daemon: a line in the log for each request that it had not answered, for
/// one of them may have killed it, and for the last that it had.
void log_last_requests(const RequestTrace& trace);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_DEATH_REPORT_H_
