// SPDX-License-Identifier: MIT
//
// What a check can find: one row for each kind, with the identifier that scripts know it by, how
// bad it is, what it means and what can be done. The prose twin of the table is overpass-check(1).
//
// Where findings go: counted, repaired if that was asked for and is possible, and handed on one by
// one. Also how a check hears that it should stop.

#ifndef OVERPASS_CHECK_FINDING_H_
#define OVERPASS_CHECK_FINDING_H_

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace overpass::check {

enum class Severity {
  Info,     ///< Worth knowing, nothing is wrong; does not count for the exit status.
  Warning,  ///< The union shows what it should, but something is left over or lost.
  Error,    ///< The union shows something else than was written to it, or refuses.
};

enum class Kind {
  RedirectInvalid,
  RedirectDangling,
  RedirectNotDirectory,
  RedirectShared,
  RedirectUnused,
  MetacopyInvalid,
  MetacopyNoData,
  MetacopySize,
  MetacopyDigest,
  OpaqueInvalid,
  OpaqueUnneeded,
  ImpureInvalid,
  ImpureMissing,
  OriginInvalid,
  OriginUnknown,
  OriginStale,
  OriginElsewhere,
  OriginWrongType,
  OriginShared,
  OriginOfRoot,
  NlinkInvalid,
  NlinkWrong,
  UuidInvalid,
  UpperInvalid,
  ProtattrInvalid,
  MarkMisplaced,
  MarkUnknown,
  MarkOtherPrefix,
  PrefixMismatch,
  MarkForeign,
  WhiteoutName,
  WhiteoutUnneeded,
  WhiteoutInOpaque,
  WhiteoutMarkUnused,
  IndexNameInvalid,
  IndexElsewhere,
  IndexNoOrigin,
  IndexOrphan,
  IndexStale,
  IndexMissing,
  IndexOfOther,
  WorkLeftover,
  WorkForeign,
  WorkIncompatible,
  WorkVolatile,
  Closed,
  Unreadable,
};

struct KindRow {
  Kind kind;
  std::string_view id;  ///< Stable: "redirect-dangling".
  Severity severity;
  bool is_repairable;        ///< --repair has a remedy that takes nothing from anybody.
  std::string_view meaning;  ///< A sentence without full stop.
  std::string_view remedy;   ///< What --repair does, or what the user may do.
};

/// All rows, in the order of Kind.
std::span<const KindRow> kinds();
const KindRow& row_of(Kind kind);

std::string_view name_of(Severity severity);

/// Which tree the path of a finding is in.
enum class Area { Upper, Work };

enum class Repair {
  None,      ///< Nothing can be done here.
  Possible,  ///< --repair would.
  Done,
  Failed,
};

struct Finding {
  Kind kind;
  Area area = Area::Upper;
  std::string path;         ///< "/a/b" from the root of the area; any bytes but NUL.
  std::string detail = {};  ///< The particulars, such as what a redirect says; may be empty.
  Repair repair = Repair::None;
  std::string step = {};  ///< The step of the repair: "remove the whiteout"; empty without one.
};

/// What a check tells its caller, on the caller's thread. All are set.
struct Listener {
  std::function<void(const Finding&)> on_finding;
  std::function<void(uint64_t names)> on_progress;  ///< Names examined so far; often.
  std::function<bool()> should_stop;                ///< Asked often.
};

struct Summary {
  uint64_t names = 0;                    ///< Examined, in the upper and the workdir.
  std::array<uint64_t, 3> remaining{};   ///< By Severity: not repaired.
  std::array<uint64_t, 3> repairable{};  ///< Of those, what --repair would have done away with.
  uint64_t repaired = 0;
  bool is_complete = true;  ///< False when it was stopped.

  /// Warnings and errors that remain.
  uint64_t faults() const { return remaining[1] + remaining[2]; }
};

class Findings {
 public:
  Findings(bool may_repair, const Listener& listener)
      : may_repair_(may_repair), listener_(listener) {}

  bool may_repair() const { return may_repair_; }

  /// A finding that nothing is done about.
  void add(const Finding& finding);

  /// A finding with a remedy: `repair` makes the one system call that `step` names.
  void add(Finding finding, std::string step, const std::function<Result<void>()>& repair);

  /// Counts a name.
  void examined() {
    ++summary_.names;
    if (summary_.names % 128 == 0) listener_.on_progress(summary_.names);
  }

  /// Whether to stop; the summary says so afterwards.
  bool stopped();

  const Summary& summary() const { return summary_; }

 private:
  const bool may_repair_;
  const Listener& listener_;
  Summary summary_;
};

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_FINDING_H_
