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

bool is_same_time(const statx_timestamp& a, const statx_timestamp& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

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

uint32_t version_of(const sys::Stat& stat) {
  const uint64_t parts[] = {
      stat.stx_size,
      static_cast<uint64_t>(stat.stx_mtime.tv_sec),
      static_cast<uint64_t>(stat.stx_ctime.tv_sec),
      static_cast<uint64_t>(stat.stx_mtime.tv_nsec) << 32 | stat.stx_ctime.tv_nsec,
  };
  const std::string_view bytes(reinterpret_cast<const char*>(parts), sizeof parts);
  const auto version = static_cast<uint32_t>(hash_bytes(bytes));
  return version != 0 ? version : 1;
}

bool is_unchanged(const sys::Stat& before, const sys::Stat& after) {
  return before.stx_ino == after.stx_ino && before.stx_mode == after.stx_mode &&
         before.stx_size == after.stx_size && is_same_time(before.stx_mtime, after.stx_mtime) &&
         is_same_time(before.stx_ctime, after.stx_ctime);
}

}  // namespace overpass::overlay
