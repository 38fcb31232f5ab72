// SPDX-License-Identifier: MIT
//
// What the parts of one check share: the layers, where findings go, and what was seen so far of
// things that belong together and are met in different directories.

#ifndef OVERPASS_CHECK_CONTEXT_H_
#define OVERPASS_CHECK_CONTEXT_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "check/finding.h"
#include "check/lower_lookup.h"
#include "check/marks.h"
#include "check/origins.h"
#include "check/target.h"

namespace overpass::check {

/// An entry of the index whose name is sound.
struct IndexEntry {
  std::string origin;  ///< The origin mark that its name stands for.
  sys::Stat stat;
  uint32_t aliases = 0;  ///< Names of the same inode seen in the upper.
};

/// A directory of the upper as a step from the one above it: the paths of all directories of a deep
/// tree would take memory by the square of its depth.
struct Step {
  size_t above;  ///< In Context::steps.
  std::string name;
};

/// A directory of the upper that shows a lower one.
struct Showing {
  size_t step;
  bool is_redirected;
};

struct Context {
  Context(const Target& its_target, Findings& its_findings)
      : target(its_target),
        findings(its_findings),
        lowers(target.stack),
        lower_handles(HandleFinder::of_lowers(target.stack)) {}

  const Target& target;
  Findings& findings;
  Lowers lowers;
  const HandleFinder lower_handles;
  OriginOwners owners;
  std::map<std::string, IndexEntry> index;                    ///< By name.
  std::map<std::pair<dev_t, uint64_t>, Showing> merged_with;  ///< By lower directory.
  std::vector<Step> steps = {{0, ""}};  ///< The root first, and those above before those below.
  uint64_t marks_of_own_prefix = 0;
  uint64_t marks_of_other_prefix = 0;
};

/// "/a/b" for a step.
std::string path_of(const Context& context, size_t step);

/// Reports what could not be looked at.
void report_unreadable(Context& context, Area area, const std::string& path, Errno error);

/// Reports what is wrong with the marks by themselves. REQUIRES: `place` is the marked file.
void report_marks(Context& context, Area area, const std::string& path, sys::Place place,
                  const Marks& marks, const sys::Stat& stat, Where where);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_CONTEXT_H_
