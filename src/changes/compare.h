// SPDX-License-Identifier: MIT
//
// Whether two files are alike in all that users see of them but times and numbers.

#ifndef OVERPASS_CHANGES_COMPARE_H_
#define OVERPASS_CHANGES_COMPARE_H_

#include <map>
#include <string>

#include "base/result.h"
#include "changes/change.h"
#include "changes/view.h"

namespace overpass::changes {

/// Compares two files of one type, or two directories by themselves, without their entries. Content
/// is read only where nothing else tells. REQUIRES: both were found.
Result<Differences> compare(View& view, const Found& before, const Found& after);

/// Whether two regular files have the same bytes.
Result<bool> same_content(View& view, const Place& a, const Place& b);

/// Whether two files, open for reading, have the same bytes.
Result<bool> same_bytes(BorrowedFd one, BorrowedFd other);

/// The attributes that the union shows: without marks, and by the names that users gave.
Result<std::map<std::string, std::string>> shown_xattrs(View& view, const Place& file);

/// The target of a symbolic link.
Result<std::string> link_target(View& view, const Place& link);

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_COMPARE_H_
