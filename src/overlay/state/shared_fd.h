// SPDX-License-Identifier: MIT
//
// A descriptor with several users and a cache behind it: of directories (any layer), and of files
// of the upper without a name.

#ifndef OVERPASS_OVERLAY_STATE_SHARED_FD_H_
#define OVERPASS_OVERLAY_STATE_SHARED_FD_H_

#include <memory>

#include "base/unique_fd.h"
#include "overlay/state/clock_cache.h"
#include "overlay/state/descriptor_budget.h"

namespace overpass::overlay {

struct CachedFd : Cached {
  explicit CachedFd(UniqueFd owned) : fd(std::move(owned)) {}
  CachedFd(UniqueFd owned, DescriptorLease counted)
      : fd(std::move(owned)), lease(std::move(counted)) {}
  size_t weight() const { return 1; }

  const UniqueFd fd;
  /// Of a removed file's that open files pin (inode.h); guarded by the inode's mutex.
  mutable DescriptorLease lease;
};

using SharedFd = std::shared_ptr<const CachedFd>;
using FdCache = ClockCache<CachedFd>;

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_SHARED_FD_H_
