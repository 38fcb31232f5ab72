// SPDX-License-Identifier: MIT
//
// Texts that two sides have made of one, merged by diff3(1). The texts are files of a directory of
// their own, so that no name can change what it does.

#ifndef OVERPASS_CLI_THREE_WAYS_H_
#define OVERPASS_CLI_THREE_WAYS_H_

#include <string>
#include <string_view>

#include "base/problem.h"
#include "base/result.h"
#include "cli/temporary_directory.h"

namespace overpass::cli {

/// A text as both sides found it, and what each has made of it.
struct ThreeTexts {
  std::string_view base, outside, sandbox;
};

struct MergedText {
  std::string content;
  /// Both sides have changed the same lines: both are in `content`, between marks. Each text then
  /// ends with a newline; if it is only that in which they are at odds, there are no marks.
  bool has_conflicts = false;
};

/// Threads: one at a time.
class ThreeWayMerge {
 public:
  /// `sandbox` is what marks call that side. A Problem without room in $TMPDIR.
  static Expected<ThreeWayMerge> begin(const std::string& sandbox);

  /// A Problem without diff3, or if there is no room.
  Expected<MergedText> merge(const ThreeTexts& texts) const;

 private:
  ThreeWayMerge(TemporaryDirectory directory, std::string label)
      : directory_(std::move(directory)), label_(std::move(label)) {}
  Result<void> write(const char* name, std::string_view text) const;
  Expected<MergedText> merge_as_they_are(const ThreeTexts& texts) const;

  TemporaryDirectory directory_;
  std::string label_;
};

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_THREE_WAYS_H_
