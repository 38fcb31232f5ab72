// SPDX-License-Identifier: MIT
//
// What the file handles in origin marks lead to, and which files share one.

#ifndef OVERPASS_CHECK_ORIGINS_H_
#define OVERPASS_CHECK_ORIGINS_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/layer_stack.h"
#include "layer/origin.h"
#include "sys/stat.h"

namespace overpass::check {

/// The end of a handle.
struct HandleTarget {
  enum class State {
    Found,
    Gone,         ///< No such file on its file system any more.
    Elsewhere,    ///< No layer is on the file system it names.
    Undecodable,  ///< This process may not open handles, or the file system refuses.
  };
  State state = State::Undecodable;
  sys::Stat stat = {};  ///< Of a found one.
};

class HandleFinder {
 public:
  /// Finds files of the lowers, or of the upper alone; `stack` outlives this.
  static HandleFinder of_lowers(const layer::LayerStack& stack);
  static HandleFinder of_upper(const layer::LayerStack& stack);

  HandleTarget find(const layer::Origin& origin) const;

  /// The file itself, O_PATH. ESTALE when it is gone, ENODEV when no layer is on its file system;
  /// else as open_by_handle_at(2).
  Result<UniqueFd> open(const layer::Origin& origin) const;

 private:
  struct FileSystem {
    dev_t device;
    sys::FileSystemUuid uuid;
    UniqueFd fd;  ///< For reading, as open_by_handle_at(2) wants it.
  };

  void add(const layer::Layer& layer);
  const FileSystem* file_system_of(const layer::Origin& origin) const;

  std::vector<FileSystem> file_systems_;
};

/// Which upper file came from which lower one.
class OriginOwners {
 public:
  /// Notes that the upper inode `ino` has the origin; another inode that has it too, or 0.
  uint64_t note(const std::string& origin, uint64_t ino);

 private:
  std::unordered_map<uint64_t, uint64_t> inodes_;  ///< By hash of the mark.
};

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_ORIGINS_H_
