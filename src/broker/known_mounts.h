// SPDX-License-Identifier: MIT
//
// On which mounts files have been found to be served, so that this need not be asked again for
// every file. A mount is known by a number that is never given to another, and its file system
// never changes. Only what was granted is noted: the rest is asked again.

#ifndef OVERPASS_BROKER_KNOWN_MOUNTS_H_
#define OVERPASS_BROKER_KNOWN_MOUNTS_H_

#include <cstdint>
#include <vector>

#include "sys/stat.h"

namespace overpass::broker {

/// Not for several threads.
class KnownMounts {
 public:
  enum class Files : uint8_t {
    Unknown,   ///< Nothing was noted.
    OnDisk,    ///< Served, and none of them can be sealed.
    InMemory,  ///< Served, but for those that can be sealed.
  };

  /// What is known of the files of the mount of a file whose stat_without_asking() is `stat`.
  /// Unknown before Linux 6.8.
  Files files_like(const sys::Stat& stat) const;

  /// Notes that files there are served; `file_system` is f_type of statfs(2).
  void note_served(const sys::Stat& stat, uint64_t file_system);

 private:
  struct Mount {
    uint64_t id;  ///< unique_mount_id().
    Files files;
  };
  std::vector<Mount> mounts_;
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_KNOWN_MOUNTS_H_
