// SPDX-License-Identifier: MIT
//
// Makes a file of a view once more, somewhere else: content with its holes, owner, attributes and
// ACLs, mode and times.

#ifndef OVERPASS_APPLY_COPY_OBJECT_H_
#define OVERPASS_APPLY_COPY_OBJECT_H_

#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "changes/view.h"
#include "sys/place.h"

namespace overpass::apply {

struct CopyOptions {
  /// The name under which an attribute is stored.
  std::function<std::string(const std::string& shown)> stored_name = [](const std::string& shown) {
    return shown;
  };
  bool gives_owner = true;  ///< False where one owner is shown for all.
};

/// Makes `name` in `directory` as `what` of `view` is; of a directory without its entries. Regular
/// files are read twice if they changed meanwhile, then it is EBUSY. What this user may not give
/// (owner, privileged attributes) is left out; a copy that cannot get its owner has no set-id bits.
/// REQUIRES: something was found.
Result<void> copy_object(changes::View& view, const changes::Found& what, BorrowedFd directory,
                         const char* name, const CopyOptions& options);

/// Gives `to`, an open file, owner, attributes, mode and times of `what`. Attributes that only `to`
/// has go.
Result<void> copy_attributes(changes::View& view, const changes::Found& what, BorrowedFd to,
                             const CopyOptions& options);

/// Gives `to` owner, attributes, mode and times of `from`, which is not part of a layer.
Result<void> clone_attributes(sys::Place from, sys::Place to);

/// Gives `to` the content of `from`; both are regular files.
Result<void> clone_content(sys::Place from, sys::Place to);

/// Directories below `root` that were made and are being filled. What their modes and times are to
/// be is set at the end, from the deepest on.
class FilledDirectories {
 public:
  explicit FilledDirectories(BorrowedFd root) : root_(root) {}

  /// `path` was made by copy_object(). Makes it one that this user can fill.
  Result<void> add(const std::string& path);
  Result<void> finish();

 private:
  BorrowedFd root_;
  std::map<std::string, sys::Stat, std::greater<>> stats_;
};

/// What of `what` this user cannot give to a copy, as words; "" if nothing.
std::string not_given(changes::View& view, const changes::Found& what, const CopyOptions& options);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_COPY_OBJECT_H_
