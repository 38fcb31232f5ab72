// SPDX-License-Identifier: MIT
//
// Problems of a mount that overpass.toml describes, in the words of that file.

#ifndef OVERPASS_CONFIG_FILE_WORDS_H_
#define OVERPASS_CONFIG_FILE_WORDS_H_

#include "base/problem.h"

namespace overpass::config {

/// The same problem with the file's keys in place of the mount options' names: "lower" for
/// "lowerdir", "key" for "option". What stands between single quotes stays as it is.
Problem in_words_of_file(const Problem& problem);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_FILE_WORDS_H_
