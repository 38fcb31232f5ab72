// SPDX-License-Identifier: MIT
//
// Signals first, so that no thread gets one that ends the mount; capabilities last, since the
// limits need one.

#include "fuse/preparation.h"

#include <fcntl.h>

#include <cstring>

#include "base/log.h"
#include "fuse/mount_problem.h"
#include "fuse/session.h"
#include "sys/calls.h"
#include "sys/credentials.h"
#include "sys/inheritance.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/proc.h"
#include "sys/process.h"

namespace overpass::fuse {

namespace {

Expected<void> check_system_calls(const config::Options& options) {
  constexpr char kRemedy[] = "allow it in the seccomp profile of this container or service";
  if (const auto refused = sys::find_refused_call(options.upper.has_value())) {
    return problem(std::string("the system call ") + refused->name +
                       " is refused: " + std::strerror(to_int(refused->error)),
                   kRemedy);
  }
  const auto thread = sys::try_thread();
  if (thread.failed_with(EPERM)) {
    return problem("no thread can be started: the system call clone3 (or clone) is refused",
                   std::string(kRemedy) + ", or let it answer ENOSYS");
  }
  if (!thread) {
    return problem(
        std::string("no thread can be started: ") + std::strerror(to_int(thread.error())),
        "raise the limits of processes and of memory");
  }
  return {};
}

}  // namespace

Expected<void> prepare_process(const config::Options& options) {
  sigset_t signals = ending_signals();
  sigaddset(&signals, kLeaveSignal);
  if (auto blocked = sys::block_signals(signals); !blocked) {
    return problem("signals cannot be blocked");
  }
  sys::ignore_signals_of_limits();
  sys::bound_kept_memory();
  for (const std::string& limit : sys::raise_limits()) log::warn("%s", limit.c_str());
  sys::reset_modes();
  if (auto usable = check_system_calls(options); !usable) return usable;
  if (!sys::keep_proc()) return problem("/proc is not mounted", "mount -t proc proc /proc");
  if (!options.foreground) sys::reset_priorities();
  sys::trim_capabilities();
  return {};
}

Expected<std::string> resolve_mountpoint(const std::string& path) {
  const auto fd = sys::open_path(path.c_str(), O_PATH | O_DIRECTORY);
  if (!fd) return std::unexpected(mountpoint_problem(path, fd.error()));
  auto real = sys::read_link({sys::own_files(), sys::FdName(*fd).c_str()});
  if (real && real->starts_with('/')) return std::move(*real);
  return path;
}

}  // namespace overpass::fuse
