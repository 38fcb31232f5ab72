// SPDX-License-Identifier: MIT
//
// A directory that the user named in an option, opened and examined before it becomes a layer, and
// the words for problems with it.

#ifndef OVERPASS_LAYER_NAMED_DIRECTORY_H_
#define OVERPASS_LAYER_NAMED_DIRECTORY_H_

#include <string>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::layer {

struct NamedDirectory {
  const char* option = "";  ///< "lowerdir".
  std::string path;         ///< As the user gave it.
  /// Open for reading, so that lack of permission shows now and not later; O_PATH where that was
  /// passed over.
  UniqueFd fd;
  sys::Stat stat = {};
  std::string real_path;  ///< Without symbolic links; `path` where that cannot be told.

  /// "lowerdir '/a'", for messages.
  std::string text() const;
};

/// Whether a directory without read permission is refused or taken.
enum class Unreadable { Refused, Taken };

/// A problem names the option, the path and the remedy.
Expected<NamedDirectory> open_named(const char* option, const std::string& path,
                                    Unreadable unreadable = Unreadable::Refused);

bool are_same(const NamedDirectory& a, const NamedDirectory& b);

/// Whether the path `inner` is `outer` or lies below it.
bool is_within(const std::string& inner, const std::string& outer);

std::string quoted(const std::string& path);

/// The system's words for an error.
std::string text_of(Errno error);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_NAMED_DIRECTORY_H_
