// SPDX-License-Identifier: MIT
//
// The request that a thread has just taken, for what libfuse does not tell its handlers.

#ifndef OVERPASS_FUSE_REQUEST_ORIGIN_H_
#define OVERPASS_FUSE_REQUEST_ORIGIN_H_

#include <cstdint>

namespace overpass::fuse {

/// The kernel sends the request again, since a former daemon has not answered it
/// (FUSE_UNIQUE_RESEND). It is a bit of the request's number.
inline constexpr uint64_t kSentAgain = uint64_t{1} << 63;

/// The kernel's number of the request that this thread handles; 0: not known. Set it before the
/// handler is called; read it before the request is handed to another thread.
inline uint64_t& unique_of_request() {
  thread_local constinit uint64_t unique = 0;
  return unique;
}

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REQUEST_ORIGIN_H_
