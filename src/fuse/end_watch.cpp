// SPDX-License-Identifier: MIT
//
// Nothing is done from time to time: a pidfd tells when the process that is watched ends.

#include "fuse/end_watch.h"

#include <poll.h>

#include <array>

#include "base/log.h"
#include "sys/children.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

namespace {

int wait_for_signal(const sigset_t& signals) {
  int signal = 0;
  (void)sigwait(&signals, &signal);
  return signal;
}

}  // namespace

std::optional<int> wait_for_end(const sigset_t& signals, std::optional<dev_t> device) {
  const auto arrivals = sys::signal_descriptor(signals);
  if (!arrivals || !device || !sys::sees_all_mount_users()) return wait_for_signal(signals);
  auto user = sys::find_mount_user(*device);
  while (user && *user) {
    std::array<pollfd, 2> watched = {pollfd{raw(*arrivals), POLLIN, 0}, {raw(**user), POLLIN, 0}};
    if (!sys::wait_for(watched, -1)) break;
    if (const auto signal = sys::take_signal(*arrivals)) return signal;
    if (watched[1].revents == 0) continue;
    user = sys::find_mount_user(*device);
    if (!user || *user) continue;
    // A mount that was detached lazily lives on until the kernel ends its connection.
    const auto is_mounted = sys::has_mounted(*device);
    if (is_mounted && *is_mounted) return std::nullopt;
  }
  return wait_for_signal(signals);
}

std::optional<int> wait_for_end_or_leave(const WatchedSignals& signals,
                                         const std::atomic<bool>& wants_to_leave,
                                         std::optional<dev_t> device) {
  sigset_t all = signals.ending;
  sigaddset(&all, signals.leave);
  for (;;) {
    const auto signal = wait_for_end(all, device);
    if (signal != signals.leave) return signal;
    if (!wants_to_leave || sys::has_pending(signals.ending)) continue;
    log::debug("leaving the mount to another daemon");
    sys::end_process(0);
  }
}

}  // namespace overpass::fuse
