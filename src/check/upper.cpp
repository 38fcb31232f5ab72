// SPDX-License-Identifier: MIT
//
// Directories wait on a stack of their own, not on the thread's: a layer may be as deep as its
// owner likes. Only one directory's descriptors are open at a time.

#include "check/upper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "check/tree.h"
#include "check/upper_entry.h"
#include "layer/markers.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::check {

namespace {

void report_missing_impure(Context& context, const UpperDirectory& directory, BorrowedFd fd) {
  const std::string name = full_name(MarkName::Impure, context.target.prefix());
  context.findings.add({Kind::ImpureMissing, Area::Upper, "/" + directory.path}, "set " + name,
                       [&] { return sys::set_xattr(sys::place_of(fd), name.c_str(), "y"); });
}

/// Examines all entries; the directories among them are appended to `found`.
Result<void> examine(Context& context, Walk& walk, const UpperDirectory& directory,
                     std::vector<UpperDirectory>& found) {
  const UniqueFd fd = TRY(sys::open_for_listing(TRY(walk.go_to(directory.path))));
  OpenUpperDirectory open{directory, fd, {}, false};
  auto lower_fds = context.lowers.open(directory.lowers);
  if (!lower_fds) {
    report_unreadable(context, Area::Upper, "/" + directory.path, lower_fds.error());
  } else {
    open.lower_fds = std::move(*lower_fds);
  }
  for (const std::string& name : TRY(names_in(fd))) {
    if (context.findings.stopped()) return {};
    context.findings.examined();
    auto examined = examine_entry(context, open, name);
    if (!examined) {
      report_unreadable(context, Area::Upper, "/" + joined(directory.path, name), examined.error());
    } else if (*examined) {
      found.push_back(std::move(**examined));
    }
  }
  if (open.needs_impure && !directory.has_impure_mark) {
    report_missing_impure(context, directory, fd);
  }
  return {};
}

/// index=on is refused when the upper was used over another lower: the mark is compared as
/// overlayfs does it, but for the UUID, which depends on its option.
void check_origin_of_root(Context& context, const std::string& value) {
  const auto origin = layer::decode_origin(value);
  const layer::LayerStack& stack = context.target.stack;
  const layer::Layer& topmost = stack.layers[layer::kUpper + 1];
  const auto actual =
      layer::decode_origin(layer::encode_origin(topmost, sys::place_of(topmost.root)).value_or(""));
  if (!origin || !actual || origin->handle == actual->handle) return;
  context.findings.add({Kind::OriginOfRoot, Area::Upper, "/", topmost.path + " is the topmost"});
}

Result<UpperDirectory> examine_root(Context& context) {
  const sys::Place place = sys::place_of(context.target.upper());
  const sys::Stat stat = TRY(sys::stat(place));
  const Marks marks = TRY(read_marks(place, context.target.prefix()));
  report_marks(context, Area::Upper, "/", place, marks, stat, Where::UpperRoot);
  if (const auto& origin = marks[MarkName::Origin]) check_origin_of_root(context, *origin);
  UpperDirectory root;
  root.lowers = context.lowers.roots();
  root.has_impure_mark = marks[MarkName::Impure].has_value();
  root.has_xwhiteouts = marks[MarkName::Opaque] == "x";
  return root;
}

}  // namespace

void check_upper(Context& context) {
  auto root = examine_root(context);
  if (!root) return report_unreadable(context, Area::Upper, "/", root.error());
  Walk walk(context.target.upper());
  std::vector<UpperDirectory> pending;
  pending.push_back(std::move(*root));
  while (!pending.empty() && !context.findings.stopped()) {
    const UpperDirectory directory = std::move(pending.back());
    pending.pop_back();
    std::vector<UpperDirectory> found;
    if (const auto examined = examine(context, walk, directory, found); !examined) {
      report_unreadable(context, Area::Upper, "/" + directory.path, examined.error());
    }
    for (size_t i = found.size(); i > 0; --i) pending.push_back(std::move(found[i - 1]));
  }
  if (context.marks_of_own_prefix == 0 && context.marks_of_other_prefix > 0) {
    context.findings.add({Kind::PrefixMismatch, Area::Upper, "/",
                          std::to_string(context.marks_of_other_prefix) + " marks"});
  }
}

}  // namespace overpass::check
