// SPDX-License-Identifier: MIT
//
// An open that comes while the question is asked makes the answer worthless: opens are counted.

#include "overlay/find/mappings.h"

#include <fcntl.h>

#include "overlay/find/content.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/lock_file.h"

namespace overpass::overlay {

bool note_mappable(Inode& inode, int flags) {
  return (flags & O_ACCMODE) == O_RDWR && !inode.may_be_mapped.exchange(true);
}

void recheck_mappings(Overlay& overlay, Inode& inode) {
  if (!inode.may_be_mapped) return;
  uint64_t opens = 0;
  {
    Lock lock(inode.mutex);
    if (inode.opens->handles() > 0) return;
    opens = inode.opens->opens();
    drop_idle(overlay.idle_backings, *inode.opens);  // It has the file open for writing.
  }
  const auto content = open_content(overlay, inode, O_RDONLY);
  if (!content) return;
  const auto is_written = sys::is_open_for_writing(content->fd);
  if (!is_written || *is_written) return;
  Lock lock(inode.mutex);
  if (inode.opens->opens() == opens) inode.may_be_mapped = false;
}

}  // namespace overpass::overlay
