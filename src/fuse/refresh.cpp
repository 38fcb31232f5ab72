// SPDX-License-Identifier: MIT
//
// The kernel is told by the notifier's thread, which may wait for it where it waits for the daemon.
// FUSE_NOTIFY_INC_EPOCH would be one message, but the VFS then takes every name for another file's,
// and detaches what is mounted over it: in a sandbox that would uncover what is hidden.

#include "fuse/refresh.h"

#include <semaphore>

#include "base/scope_exit.h"
#include "fuse/daemon.h"

namespace overpass::fuse {

namespace {

/// Does `work` on the notifier's thread, and returns when it is done.
void on_notifier(Notifier& notifier, const std::function<void()>& work) {
  std::binary_semaphore done(0);
  Chore chore([&] {
    const ScopeExit tell([&] { done.release(); });
    work();
  });
  notifier.add(chore);
  notifier.ask_for(chore, std::chrono::milliseconds(0));
  done.acquire();
  notifier.remove(chore);
}

}  // namespace

Result<void> refresh(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  if (!value.empty()) return fail(EINVAL);
  TRY(caller.check_may_wait());
  const std::vector<overlay::NodeId> nodes = daemon.overlay.table.known_nodes();
  on_notifier(*daemon.notifier, [&] {
    for (const overlay::NodeId node : nodes) daemon.notifier->attributes_changed(node);
  });
  return {};
}

}  // namespace overpass::fuse
