// SPDX-License-Identifier: MIT
//
// AppArmor's profile of fusermount3, which Ubuntu ships since 25.04: it lets ordinary users mount
// below some directories only, and the refusal is a bare EACCES. Debian 13 has no such profile;
// Debian's later one complains only.

#ifndef OVERPASS_FUSE_HELPER_PROFILE_H_
#define OVERPASS_FUSE_HELPER_PROFILE_H_

#include <string>
#include <string_view>
#include <vector>

namespace overpass::fuse {

/// Where AppArmor may confine fusermount3. The kernel tells ordinary users neither that it does so
/// nor what it refused.
struct HelperProfile {
  bool is_enabled = false;  ///< AppArmor is switched on.
  std::string path;         ///< The profile's file; empty: none can be read, or it only complains.
  /// Directories below which the profile allows mounts, "$HOME" for every user's own; may be empty.
  std::vector<std::string> places;
};

/// That of this machine. Takes no error: what cannot be read is not there.
HelperProfile find_helper_profile();

/// The directories of the rules "mount ... -> PATTERN," that hold for unions in the text of a
/// profile, each once. Those for read-only mounts alone come last, and say so.
std::vector<std::string> allowed_places(std::string_view profile);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HELPER_PROFILE_H_
