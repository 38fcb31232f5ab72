// SPDX-License-Identifier: MIT

#include "overlay/find/quick_copy.h"

#include "overlay/state/caller.h"
#include "sys/file_io.h"

namespace overpass::overlay {

Result<void> check_quick_to_read(BorrowedFd file, off_t offset, size_t length) {
  if (length == 0) return {};
  if (length > kQuickCopy) return fail(kMustWait);
  const auto is_here = sys::is_in_page_cache(file, offset, length);
  return is_here && *is_here ? Result<void>() : fail(kMustWait);
}

}  // namespace overpass::overlay
