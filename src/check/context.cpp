// SPDX-License-Identifier: MIT
//
// Reports that upper and index have in common.

#include "check/context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::check {

namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string path_of(const Context& context, size_t step) {
  std::vector<const std::string*> names;
  for (; step != 0; step = context.steps[step].above) names.push_back(&context.steps[step].name);
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) path += "/" + **name;
  return path.empty() ? "/" : path;
}

namespace {

/// Whether what is at `path` in the upper, or the directory on the way that ends it, belongs to
/// this user and is closed to him by its own mode: nothing is wrong with that.
bool is_closed_by_owner(const Context& context, std::string path) {
  while (true) {
    const std::string relative = path.size() > 1 ? path.substr(1) : ".";
    const auto reached = sys::open_beneath(context.target.upper(), relative.c_str(), O_PATH);
    if (reached) {
      const auto stat = sys::stat(sys::place_of(*reached));
      const mode_t needed = stat && S_ISDIR(stat->stx_mode) ? S_IRUSR | S_IXUSR : S_IRUSR;
      return stat && stat->stx_uid == ::geteuid() && (stat->stx_mode & needed) != needed;
    }
    if (path.size() <= 1) return false;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

void report_unreadable(Context& context, Area area, const std::string& path, Errno error) {
  const bool is_closed =
      area == Area::Upper && error == Errno{EACCES} && is_closed_by_owner(context, path);
  if (is_closed) return context.findings.add({Kind::Closed, area, path});
  context.findings.add({Kind::Unreadable, area, path, std::strerror(to_int(error))});
}

void report_marks(Context& context, Area area, const std::string& path, sys::Place place,
                  const Marks& marks, const sys::Stat& stat, Where where) {
  const layer::Prefix prefix = context.target.prefix();
  for (BadMark& bad : bad_marks(marks, stat, where)) {
    Finding finding{bad.kind, area, path, std::move(bad.detail)};
    if (bad.kind == Kind::ImpureInvalid) {
      const std::string name = full_name(MarkName::Impure, prefix);
      context.findings.add(std::move(finding), "set " + name + " to y",
                           [&] { return sys::set_xattr(place, name.c_str(), "y"); });
    } else {
      context.findings.add(finding);
    }
  }
  for (const auto& value : marks.values) {
    if (value) ++context.marks_of_own_prefix;
  }
  context.marks_of_other_prefix += marks.other_prefix.size();
  if (!marks.unknown.empty()) {
    context.findings.add({Kind::MarkUnknown, area, path, listed(marks.unknown)});
  }
  if (!marks.other_prefix.empty()) {
    context.findings.add({Kind::MarkOtherPrefix, area, path, listed(marks.other_prefix)});
  }
  if (!marks.foreign.empty()) {
    context.findings.add({Kind::MarkForeign, area, path, listed(marks.foreign)});
  }
}

}  // namespace overpass::check
