// SPDX-License-Identifier: MIT

#include "io/open_engine.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "io/sync_engine.h"
#include "io/uring_engine.h"

namespace overpass::io {

namespace {

/// Far more callers than a server that does not answer holds up at a time.
constexpr Limits kServerLimits{.operations = 1024, .threads = 512};

/// Why io_uring is not available, in words for the administrator.
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

std::unique_ptr<Engine> open_engine(const Limits& limits) {
  auto uring = UringEngine::open(limits);
  if (uring) return std::move(*uring);
  return std::make_unique<SyncEngine>(limits, "no io_uring: " + reason_for(uring.error()));
}

std::unique_ptr<Engine> open_engine_for_servers() {
  return std::make_unique<SyncEngine>(kServerLimits, "the layer is on a file server");
}

}  // namespace overpass::io
