// SPDX-License-Identifier: MIT
//
// Reports that upper and index have in common.

#include "check/context.h"

#include <cstring>

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

void report_unreadable(Context& context, Area area, const std::string& path, Errno error) {
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
      context.findings.add(std::move(finding));
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
