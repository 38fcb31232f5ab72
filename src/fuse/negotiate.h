// SPDX-License-Identifier: MIT
//
// INIT: what of the kernel's offers is used. Offers are probed, never deduced from a version.

#ifndef OVERPASS_FUSE_NEGOTIATE_H_
#define OVERPASS_FUSE_NEGOTIATE_H_

#include "fuse/libfuse.h"

namespace overpass::fuse {

struct Daemon;

/// Sets the features of `connection` and notes in daemon.negotiated what came of the optional ones.
/// If one that the user demanded is missing, daemon.failed says so.
void negotiate(Daemon& daemon, fuse_conn_info& connection);

/// With survive=on: what is agreed is recorded, and daemon.failed is set where a daemon that
/// follows would agree on something else, of which the kernel does not hear. After negotiate().
void agree_as_before(Daemon& daemon, const fuse_conn_info& connection);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_NEGOTIATE_H_
