// SPDX-License-Identifier: MIT
//
// Set-id bits are not compared: they fall with writes that the daemon does not see, and the kernel
// keeps no attributes of files that have them.

#include "overlay/state/identity.h"

#include <linux/stat.h>
#include <sys/stat.h>

#include <string_view>

#include "base/hash.h"

namespace overpass::overlay {

namespace {

constexpr uint16_t kPermissions = 0777;

}  // namespace

Identity identity_of(const sys::Stat& stat) {
  const bool has_birth = (stat.stx_mask & STATX_BTIME) != 0;
  const uint64_t parts[] = {
      static_cast<uint64_t>(stat.stx_dev_major) << 32 | stat.stx_dev_minor,
      has_birth ? static_cast<uint64_t>(stat.stx_btime.tv_sec) : 0,
      has_birth ? static_cast<uint64_t>(stat.stx_btime.tv_nsec) : 0,
  };
  const std::string_view bytes(reinterpret_cast<const char*>(parts), sizeof parts);
  return {stat.stx_ino, static_cast<uint32_t>(hash_bytes(bytes))};
}

KnownObject known_object(const sys::Stat& stat) {
  const Identity identity = identity_of(stat);
  return {identity.ino, identity.stamp, stat.stx_uid, stat.stx_gid, stat.stx_mode};
}

Recognition recognize(const KnownObject& known, const sys::Stat& stat, bool stable_numbers) {
  const bool is_same_type = (known.mode & S_IFMT) == (stat.stx_mode & S_IFMT);
  const bool is_same_object = !stable_numbers || known.identity() == identity_of(stat);
  if (!is_same_type || !is_same_object) return Recognition::Another;
  const bool permits_all = (known.mode & kPermissions & ~stat.stx_mode) == 0;
  if (known.uid == stat.stx_uid && known.gid == stat.stx_gid && permits_all) {
    return Recognition::Same;
  }
  return stable_numbers ? Recognition::Restricted : Recognition::Another;
}

}  // namespace overpass::overlay
