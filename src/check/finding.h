// SPDX-License-Identifier: MIT
//
// What a check can find: one row for each kind, with the identifier that scripts know it by, how
// bad it is, what it means and what can be done. The prose twin of the table is overpass-check(1).

#ifndef OVERPASS_CHECK_FINDING_H_
#define OVERPASS_CHECK_FINDING_H_

#include <span>
#include <string>
#include <string_view>

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

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_FINDING_H_
