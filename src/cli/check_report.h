// SPDX-License-Identifier: MIT
//
// Findings of a check as text, one line each, and as one JSON document. overpass-check(1) describes
// both.

#ifndef OVERPASS_CLI_CHECK_REPORT_H_
#define OVERPASS_CLI_CHECK_REPORT_H_

#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "check/finding.h"
#include "layer/layer_paths.h"

namespace overpass::cli {

/// How a report is written.
struct ReportStyle {
  bool json = false;
  bool notes = false;    ///< Findings that are for information only, too.
  bool summary = false;  ///< Text: a summary at the end, for a person at a terminal.
};

class CheckReport {
 public:
  /// `paths` and `out` outlive this.
  CheckReport(std::ostream& out, const layer::LayerPaths& paths, ReportStyle style);
  ~CheckReport();

  /// Takes a finding; as text it is written at once.
  void add(const check::Finding& finding);

  /// Writes what is left. Once, after the last finding.
  void finish(const check::Summary& summary, bool may_repair);

 private:
  struct Document;  // The JSON library stays out of this header.

  void write_summary(const check::Summary& summary);

  std::ostream& out_;
  const layer::LayerPaths& paths_;
  const ReportStyle style_;
  std::map<check::Kind, uint64_t> remaining_;
  std::unique_ptr<Document> document_;
};

/// One line, without its end.
std::string line_of(const check::Finding& finding, const layer::LayerPaths& paths);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_CHECK_REPORT_H_
