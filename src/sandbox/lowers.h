// SPDX-License-Identifier: MIT
//
// The lowers of a sandbox's unions, where the kernel clones a mount only with all that is mounted
// below it: in a user namespace.

#ifndef OVERPASS_SANDBOX_LOWERS_H_
#define OVERPASS_SANDBOX_LOWERS_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/store.h"

namespace overpass::sandbox {

/// Mounts an empty directory over `place`, which nobody can write to.
Result<void> cover(const std::string& place);

/// A union would lead to what is mounted below its lower by another name, past its own union and
/// its rules, when a directory above that has been renamed. So it is covered in the lower.
class Lowers {
 public:
  /// Reads this process's mount table. `sandbox` outlives it.
  explicit Lowers(const Sandbox& sandbox);

  /// The directory that is the lower of a union of what is mounted at `path`: `path` itself, or a
  /// clone of it in this process's mount namespace.
  Result<std::string> find(const std::string& path);

 private:
  std::string place() const;
  Result<void> prepare() const;
  Result<void> cover_mounts(const std::string& path, const std::string& clone) const;

  const Sandbox& sandbox_;
  std::vector<std::string> mounts_;  ///< Mountpoints, sorted.
  int count_ = 0;                    ///< Of clones.
};

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_LOWERS_H_
