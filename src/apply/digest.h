// SPDX-License-Identifier: MIT
//
// One number for a tree as it is, to tell whether anybody has changed it.

#ifndef OVERPASS_APPLY_DIGEST_H_
#define OVERPASS_APPLY_DIGEST_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "apply/target.h"
#include "base/result.h"

namespace overpass::apply {

/// Of what is at `path` and below it: inode numbers, modes, and sizes and times of all but
/// directories. Of the inodes `changing`, which the same apply changes by other names, only the
/// number counts, and nothing of what is at or below one of `left_out`, paths from `path`. Never 0.
Result<uint64_t> digest_of(const Target& target, const std::string& path,
                           const std::set<uint64_t>& changing,
                           const std::vector<std::string>& left_out = {});

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_DIGEST_H_
