// SPDX-License-Identifier: MIT
//
// Layers in a scratch directory with marks of the prefix that everybody may set, and a check of
// them as a list of short lines.

#ifndef OVERPASS_TESTS_UNIT_CHECK_CHECKED_LAYERS_H_
#define OVERPASS_TESTS_UNIT_CHECK_CHECKED_LAYERS_H_

#include <string>
#include <vector>

#include "../sys/scratch.h"
#include "check/check.h"

namespace overpass::unit {

class CheckedLayers {
 public:
  /// "upper" and "work" are there; lowers come by add_lower().
  CheckedLayers() {
    disk.directory("upper");
    disk.directory("work");
    paths.upper = disk.path("upper");
    paths.work = disk.path("work");
    paths.userxattr = true;
    add_lower("lower");
  }

  /// One more lower below those there are.
  void add_lower(const std::string& name) { paths.lower.push_back(disk.directory(name)); }
  void add_data_layer(const std::string& name) { paths.data_only.push_back(disk.directory(name)); }

  /// Sets "user.overlay." and `mark`.
  void mark(const std::string& name, const std::string& mark, const std::string& value) const {
    disk.set_xattr(name, ("user.overlay." + mark).c_str(), value);
  }

  /// The findings as "ID PATH", in the order they were made; those of the workdir as "ID
  /// work:PATH".
  std::vector<std::string> check(bool may_repair = false) {
    std::vector<std::string> lines;
    findings.clear();
    const check::Listener listener = {
        [&](const check::Finding& finding) {
          const std::string area = finding.area == check::Area::Work ? "work:" : "";
          lines.push_back(std::string(check::row_of(finding.kind).id) + " " + area + finding.path);
          findings.push_back(finding);
        },
        [](uint64_t) {},
        [this] { return should_stop; },
    };
    const auto checked = check::check(paths, may_repair, listener);
    if (!checked) throw std::runtime_error(checked.error().line());
    summary = *checked;
    return lines;
  }

  Scratch disk;
  layer::LayerPaths paths;
  bool should_stop = false;
  std::vector<check::Finding> findings;  ///< Of the last check.
  check::Summary summary;                ///< The same.
};

using Lines = std::vector<std::string>;

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_CHECK_CHECKED_LAYERS_H_
