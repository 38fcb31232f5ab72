// SPDX-License-Identifier: MIT
//
// Names that leave frozen lowers of a union in use: what a part of an apply has carried to the
// lowest lower, or what is discarded. Each is moved to another directory of the file system by one
// rename, with all that is below it.

#ifndef OVERPASS_OVERLAY_FREEZE_TAKEN_NAMES_H_
#define OVERPASS_OVERLAY_FREEZE_TAKEN_NAMES_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::overlay {

class TakenNames {
 public:
  /// Nothing is taken.
  TakenNames() = default;

  /// Reads "names" in the directory `path`: records of two texts, each ended by a zero byte: the
  /// root of a layer, and a path below it ("a/b"). The names go into that directory, as numbers.
  /// EINVAL if it is garbled.
  static Result<TakenNames> read(const std::string& path);

  bool is_empty() const { return names_.empty(); }

  /// Moves all or, on an error, none. What is not there has gone already. REQUIRES: no other thread
  /// uses the union.
  Result<void> take();

 private:
  struct Name {
    BorrowedFd layer;
    std::string parent, name;
    bool is_taken = false;
  };

  Result<void> take_one(size_t number);
  void put_back();

  UniqueFd directory_;
  std::vector<UniqueFd> layers_;
  std::vector<Name> names_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_TAKEN_NAMES_H_
