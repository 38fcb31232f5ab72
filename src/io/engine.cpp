// SPDX-License-Identifier: MIT
//
// The first try on the calling thread, and the choice of an engine.

#include "io/engine.h"

#include <cstring>

#include "io/sync_engine.h"
#include "io/uring_engine.h"

namespace overpass::io {

namespace {

/// Why io_uring is not to be had, in words of those who can change it.
std::string reason_for(Errno error) {
  switch (to_int(error)) {
    case ENOSYS:
      return "the kernel has none, or a sandbox hides it";
    case EPERM:
    case EACCES:
      return "forbidden by kernel.io_uring_disabled or a sandbox";
    case ENOMEM:
      return "no memory for it (locked memory: ulimit -l)";
    case EOPNOTSUPP:
      return "the kernel's lacks operations (before Linux 5.6)";
    default:
      return std::strerror(to_int(error));
  }
}

}  // namespace

Engine::Start Engine::start(const OperationRef& operation) {
  if (try_now(*operation, pace_)) {
    operation->complete();
    return Start::Completed;
  }
  operation->own_bytes();
  return submit(operation) ? Start::UnderWay : Start::Refused;
}

std::unique_ptr<Engine> open_engine(const Limits& limits) {
  auto uring = UringEngine::open(limits);
  if (uring) return std::move(*uring);
  return std::make_unique<SyncEngine>(limits, "no io_uring: " + reason_for(uring.error()));
}

}  // namespace overpass::io
