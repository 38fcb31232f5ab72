// SPDX-License-Identifier: MIT
//
// "work" holds temporaries, and below "incompat" the names of features that a mount must know.

#include "check/work.h"

#include <fcntl.h>

#include "check/tree.h"
#include "layer/markers.h"
#include "layer/remove_tree.h"
#include "overpass/layer_format.h"

namespace overpass::check {

namespace {

constexpr std::string_view kIncompat = "incompat";

Result<void> examine_incompat(Context& context, BorrowedFd work) {
  const std::string path = joined(format::kWorkName, kIncompat);
  const UniqueFd fd = TRY(open_directory_below(work, path, O_RDONLY));
  for (const std::string& name : TRY(names_in(fd))) {
    context.findings.examined();
    const std::string feature = joined(path, name);
    const bool is_volatile = feature == format::kVolatileMark;
    context.findings.add(
        {is_volatile ? Kind::WorkVolatile : Kind::WorkIncompatible, Area::Work, "/" + feature});
  }
  return {};
}

Result<void> examine_temporaries(Context& context, BorrowedFd work) {
  auto opened = open_directory_below(work, format::kWorkName, O_RDONLY);
  if (opened.failed_with(ENOENT)) return {};
  const UniqueFd fd = TRY(std::move(opened));
  for (const std::string& name : TRY(names_in(fd))) {
    if (context.findings.stopped()) return {};
    context.findings.examined();
    const sys::Stat stat = TRY(sys::stat({fd, name.c_str()}));
    if (name == kIncompat && sys::is_directory(stat)) {
      TRY(examine_incompat(context, work));
    } else {
      report_leftover(context, fd, name, joined(format::kWorkName, name), stat);
    }
  }
  return {};
}

Result<void> examine_workdir(Context& context) {
  const UniqueFd fd = TRY(open_directory_below(context.target.work, "", O_RDONLY));
  for (const std::string& name : TRY(names_in(fd))) {
    if (name == format::kWorkName || name == format::kIndexName) continue;
    context.findings.examined();
    context.findings.add({Kind::WorkForeign, Area::Work, "/" + name});
  }
  return examine_temporaries(context, fd);
}

}  // namespace

void check_work(Context& context) {
  if (const auto examined = examine_workdir(context); !examined) {
    report_unreadable(context, Area::Work, "/", examined.error());
  }
}

void report_leftover(Context& context, BorrowedFd directory, const std::string& name,
                     const std::string& path, const sys::Stat& stat) {
  // The whiteout that others are links to.
  if (layer::is_whiteout(stat)) return;
  const bool is_marked =
      S_ISREG(stat.stx_mode) &&
      layer::is_xwhiteout({directory, name.c_str()}, stat, context.target.prefix()).value_or(false);
  if (is_marked) return;
  // The workdir may be a mistake of the user's. Only what is named as overlays do is taken for
  // theirs.
  if (name.front() != kTemporaryPrefix) {
    context.findings.add({Kind::WorkForeign, Area::Work, "/" + path});
    return;
  }
  context.findings.add({Kind::WorkLeftover, Area::Work, "/" + path}, "remove it",
                       [&] { return layer::remove_tree(directory, name.c_str()); });
}

}  // namespace overpass::check
