// SPDX-License-Identifier: MIT
//
// The kernel is told by the notifier's thread, which may wait for it where it waits for the daemon.
// FUSE_NOTIFY_INC_EPOCH would be one message, but the VFS then takes every name for another file's,
// and detaches what is mounted over it: in a sandbox that would uncover what is hidden.

#include "fuse/refresh.h"

#include <semaphore>
#include <string>
#include <vector>

#include "base/scope_exit.h"
#include "fuse/daemon.h"
#include "overlay/find/forget_lowers.h"
#include "overlay/find/lower_changes.h"
#include "sys/children.h"

namespace overpass::fuse {

namespace {

/// Of names that lowers have and the kernel may take for absent.
void tell_of_appeared(Daemon& daemon, overlay::Inode& directory) {
  // Where lowers cannot be read, the kernel's next question is answered so.
  (void)overlay::for_each_unknown_name(daemon.overlay, directory, [&](std::string_view name) {
    daemon.notifier->name_appeared(directory.id, name);
  });
}

/// What the kernel keeps of a node. Pages of files that may be written are left to the next open,
/// which drops them: here they could have to be written back first.
void tell(Daemon& daemon, const overlay::InodeRef& inode) {
  Notifier& notifier = *daemon.notifier;
  if (!inode->is_directory() && daemon.overlay.is_writable()) {
    return notifier.attributes_changed(inode->id);
  }
  notifier.pages_changed(inode->id);
  // A name is expired under the lock of its directory. Where the kernel keeps absent names for a
  // moment alone that is not worth it: what runs in a sandbox could hold the lock.
  if (!inode->is_directory() || overlay::follows(daemon.overlay)) return;
  tell_of_appeared(daemon, *inode);
}

}  // namespace

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

namespace {

/// A name that an inode has, in its directory.
struct NameIn {
  overlay::NodeId directory;
  std::string name;
};

std::vector<NameIn> names_of(overlay::Inode& inode) {
  std::vector<NameIn> names;
  Lock lock(inode.mutex);
  const auto add = [&names](const overlay::Link& link) {
    if (link.parent) names.push_back({link.parent->id, link.name.text()});
  };
  add(inode.link);
  if (inode.extras == nullptr) return names;
  for (const auto& link : inode.extras->more_links) add(*link);
  return names;
}

}  // namespace

void forget_names(Daemon& daemon) {
  on_notifier(*daemon.notifier, [&daemon] {
    for (const overlay::NodeId node : daemon.overlay.table.known_nodes()) {
      const overlay::InodeRef inode = daemon.overlay.table.find(node);
      if (!inode) continue;
      if (!inode->is_directory()) {
        daemon.notifier->attributes_changed(node);
      } else if (!daemon.has_other_layers) {
        daemon.notifier->pages_changed(node);  // Its listing as well.
      } else {
        tell_of_appeared(daemon, *inode);  // After forget_directories().
      }
      for (const NameIn& at : names_of(*inode)) {
        daemon.notifier->name_appeared(at.directory, at.name);
      }
    }
  });
}

Result<void> settle_names(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  if (!value.empty()) return fail(EINVAL);
  TRY(caller.check_may_wait());
  if (daemon.has_other_layers) forget_names(daemon);
  return {};
}

Result<void> refresh(Daemon& daemon, const overlay::Caller& caller, std::string_view value) {
  if (!value.empty()) return fail(EINVAL);
  TRY(caller.check_may_wait());
  overlay::Overlay& overlay = daemon.overlay;
  overlay::forget_cached_lowers(overlay);
  overlay::forget_refusals(overlay);
  const std::vector<overlay::NodeId> nodes = overlay.table.known_nodes();
  for (const overlay::NodeId node : nodes) {
    if (const auto inode = overlay.table.find(node)) overlay::look_anew(overlay, *inode);
  }
  // Descriptors of directories that have turned out to be others.
  overlay.directory_fds.clear();
  on_notifier(*daemon.notifier, [&] {
    for (const overlay::NodeId node : nodes) {
      if (const auto inode = overlay.table.find(node)) tell(daemon, inode);
    }
  });
  // Until what was answered before is kept no longer. A keeper has other unions to refresh.
  if (overlay::follows(overlay) && !daemon.options.ends_with_starter) sys::pause_for(kFollowedMs);
  return {};
}

}  // namespace overpass::fuse
