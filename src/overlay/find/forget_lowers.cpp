// SPDX-License-Identifier: MIT

#include "overlay/find/forget_lowers.h"

#include "overlay/find/list_lowers.h"
#include "overlay/find/locate.h"
#include "overlay/find/look_at_name.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/warn_once.h"
#include "overlay/state/links.h"
#include "overlay/state/lower_names.h"
#include "overlay/state/overlay.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

/// The file is by name what the inode is known to be; its lower may change from here on.
Result<void> accept(Overlay& overlay, Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  const Located located = TRY(locate(overlay, inode));
  if (located.in_upper()) return {};
  const sys::Stat stat = TRY(sys::stat(located.place()));
  inode.lower_version = S_ISREG(stat.stx_mode) ? version_of(stat) : 0;
  return {};
}

bool is_linked(const Inode& inode) {
  Lock lock(inode.mutex);
  if (inode.data_place() != nullptr) inode.extras->data->version = 0;
  return inode.linked;
}

}  // namespace

void forget_cached_lowers(Overlay& overlay) {
  ++overlay.refreshes;
  overlay.listings.clear();
  overlay.directory_fds.clear();
  overlay.idle_backings.clear();
}

void forget_refusals(Overlay& overlay) {
  for (const auto& refused : overlay.refused.all()) {
    refused->inode->is_refused = false;
    forget_names(overlay, *refused->inode);
  }
  overlay.refused.clear();
}

void look_anew(Overlay& overlay, Inode& inode) {
  if (inode.id == kRootNode || !is_linked(inode)) return;
  const UnionName name = union_name_of(inode);
  {
    SharedLock lock(name.parent->directory->names);
    look_at_name(overlay, *name.parent, name.name.c_str(), inode);
  }
  if (inode.is_stale) return forget_names(overlay, inode);
  if (!inode.is_directory()) (void)accept(overlay, inode);  // What is gone is found to be stale.
}

Result<void> for_each_unknown_name(Overlay& overlay, Inode& directory,
                                   const std::function<void(std::string_view name)>& tell) {
  const auto names = TRY(lower_names_of(overlay, directory));
  for (const LowerName& name : names->all()) {
    const std::string_view text = names->text_of(name);
    if (!overlay.table.find(directory, text)) tell(text);
  }
  return {};
}

}  // namespace overpass::overlay
