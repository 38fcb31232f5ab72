// SPDX-License-Identifier: MIT
//
// A list of changes as text and as one JSON document. overpass-diff(1) describes both.

#ifndef OVERPASS_CLI_DIFF_REPORT_H_
#define OVERPASS_CLI_DIFF_REPORT_H_

#include <ostream>
#include <string>
#include <vector>

#include "changes/file_pairs.h"
#include "changes/list.h"
#include "cli/diff_target.h"

namespace overpass::cli {

/// Which changes are shown.
struct DiffFilter {
  std::vector<std::string> paths;     ///< Globs or paths; all if there are none.
  std::vector<std::string> excluded;  ///< Globs.

  bool shows(const changes::Change& change) const;
  bool shows(const changes::FilePair& pair) const;
};

struct DiffStyle {
  bool name_only = false;
  bool nul = false;  ///< Paths as they are, each ended by a NUL.
  bool colour = false;
};

/// One line, or entry, for each change.
void print_changes(std::ostream& out, const changes::List& list, DiffStyle style);

/// One line for each change with the sizes of files, and a line with the counts.
void print_stat(std::ostream& out, const changes::List& list, DiffStyle style);

/// "1 deleted, 2 modified", or "no changes".
std::string counts_of(const changes::List& list);

void print_json(std::ostream& out, const changes::List& list, const DiffTarget& target);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_DIFF_REPORT_H_
