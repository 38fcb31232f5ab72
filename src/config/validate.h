// SPDX-License-Identifier: MIT
//
// Whether options make sense together, before anything is opened: what can be told from the text
// alone. What needs a look at the disk is told when the layers are opened.
//
// Problems of a mount that overpass.toml describes, in the words of that file.

#ifndef OVERPASS_CONFIG_VALIDATE_H_
#define OVERPASS_CONFIG_VALIDATE_H_

#include "base/problem.h"
#include "config/options.h"

namespace overpass::config {

/// The most lower directories of one union, data-only ones included.
constexpr size_t kMostLowers = 500;

/// Whose words the remedies are in.
enum class Source { CommandLine, File };

Expected<void> validate(const Options& options, Source source = Source::CommandLine);

/// The same problem with the file's keys in place of the mount options' names: "lower" for
/// "lowerdir", "key" for "option". What stands between single quotes stays as it is.
Problem in_words_of_file(const Problem& problem);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_VALIDATE_H_
