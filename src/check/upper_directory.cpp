// SPDX-License-Identifier: MIT
//
// Opaque before redirect, as overlayfs reads them.

#include "check/upper_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "check/tree.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "sys/open.h"

namespace overpass::check {

namespace {

bool is_same_file(const sys::Stat& a, const sys::Stat& b) {
  return a.stx_ino == b.stx_ino && sys::device_of(a) == sys::device_of(b);
}

/// Whether the union also shows the lower directory at its own path: nothing in the upper is in the
/// way of it.
Result<bool> is_shown_at_own_path(Context& context, const LowerPlace& lower) {
  const LowerAnswer answer =
      TRY(context.lowers.look_up(context.lowers.roots(), {}, "/" + lower.path, Above::Directory));
  if (answer.directories.empty() || !is_same_file(answer.directories.front().stat, lower.stat)) {
    return false;
  }
  UniqueFd at = TRY(open_directory_below(context.target.upper(), "", O_PATH));
  for (size_t begin = 0; begin < lower.path.size();) {
    const size_t end = std::min(lower.path.find('/', begin), lower.path.size());
    const std::string name = lower.path.substr(begin, end - begin);
    const sys::Place place = {at, name.c_str()};
    const auto stat = sys::stat(place);
    if (stat.failed_with(ENOENT)) return true;
    if (!stat) return fail(stat.error());
    if (!S_ISDIR(stat->stx_mode)) return false;
    const Marks marks = TRY(read_marks(place, context.target.prefix()));
    if (marks[MarkName::Redirect] || marks[MarkName::Opaque] == "y") return false;
    at = TRY(sys::open_at(at, name.c_str(), O_PATH | O_DIRECTORY));
    begin = end + 1;
  }
  return false;  // A directory of the upper is merged with it; that one is met by the walk.
}

void report_shared(Context& context, const std::string& path, const std::string& other) {
  context.findings.add({Kind::RedirectShared, Area::Upper, path, "the other is " + other});
}

/// That no other directory shows the same lower one, if a redirect is what makes it so.
Result<void> examine_sharing(Context& context, const UpperEntry& entry, size_t step,
                             const LowerPlace& lower, bool is_redirected) {
  const auto key = std::pair(sys::device_of(lower.stat), uint64_t{lower.stat.stx_ino});
  const auto [seen, is_new] = context.merged_with.try_emplace(key, Showing{step, is_redirected});
  if (!is_new && is_redirected) {
    report_shared(context, entry.shown_path(), path_of(context, seen->second.step));
  } else if (!is_new && seen->second.is_redirected) {
    report_shared(context, path_of(context, seen->second.step), entry.shown_path());
  } else if (is_redirected && TRY(is_shown_at_own_path(context, lower))) {
    report_shared(context, entry.shown_path(), "/" + lower.path);
  }
  return {};
}

/// An origin of a merged directory is one of those it is merged with.
void examine_origin(Context& context, const UpperEntry& entry, const LowerStack& lowers) {
  const auto& value = entry.marks[MarkName::Origin];
  const auto origin = value ? layer::decode_origin(*value) : std::nullopt;
  if (!origin || lowers.empty()) return;
  const HandleTarget target = context.lower_handles.find(*origin);
  if (target.state != HandleTarget::State::Found || !S_ISDIR(target.stat.stx_mode)) return;
  for (const LowerPlace& lower : lowers) {
    if (is_same_file(lower.stat, target.stat)) return;
  }
  context.findings.add({Kind::OriginElsewhere, Area::Upper, entry.shown_path()});
}

Result<void> examine_opaque(Context& context, const OpenUpperDirectory& open,
                            const UpperEntry& entry) {
  if (const auto& redirect = entry.marks[MarkName::Redirect]) {
    context.findings.add(
        {Kind::RedirectUnused, Area::Upper, entry.shown_path(), shown_value(*redirect)});
  }
  if (open.directory.is_uncertain || TRY(is_named_in(open.lower_fds, entry.name))) return {};
  context.findings.add({Kind::OpaqueUnneeded, Area::Upper, entry.shown_path()});
  return {};
}

/// Follows the redirect, or the name, into the lowers.
Result<void> merge(Context& context, const OpenUpperDirectory& open, const UpperEntry& entry,
                   UpperDirectory& result) {
  const auto& redirect = entry.marks[MarkName::Redirect];
  if (redirect && !layer::decode_redirect(*redirect)) {
    result.is_uncertain = true;  // Reported with the other values.
    return {};
  }
  LowerAnswer answer = TRY(context.lowers.look_up(open.directory.lowers, open.lower_fds,
                                                  redirect.value_or(entry.name), Above::Directory));
  if (!answer.trouble.empty()) result.is_uncertain = true;
  if (redirect && answer.directories.empty()) {
    // Within what is not known already, only redirects from the roots can be judged.
    if (open.directory.is_uncertain && redirect->front() != '/') return {};
    result.is_uncertain = true;
    const Kind kind = answer.is_obstructed ? Kind::RedirectNotDirectory : Kind::RedirectDangling;
    std::string detail = "overlay.redirect is " + shown_value(*redirect);
    if (!answer.trouble.empty()) detail += "; " + answer.trouble;
    context.findings.add({kind, Area::Upper, entry.shown_path(), detail});
    return {};
  }
  if (redirect && redirect->front() == '/' && answer.trouble.empty()) result.is_uncertain = false;
  if (!answer.directories.empty()) {
    TRY(examine_sharing(context, entry, result.step, answer.directories.front(),
                        redirect.has_value()));
  }
  examine_origin(context, entry, answer.directories);
  result.lowers = std::move(answer.directories);
  return {};
}

}  // namespace

Result<UpperDirectory> examine_directory(Context& context, const OpenUpperDirectory& open,
                                         const UpperEntry& entry) {
  UpperDirectory result;
  result.path = entry.path;
  result.step = context.steps.size();
  context.steps.push_back({open.directory.step, entry.name});
  result.has_impure_mark = entry.marks[MarkName::Impure].has_value();
  result.has_xwhiteouts = entry.marks[MarkName::Opaque] == "x";
  result.is_opaque = entry.marks[MarkName::Opaque] == "y";
  if (result.is_opaque) {
    TRY(examine_opaque(context, open, entry));
    return result;
  }
  result.is_uncertain = open.directory.is_uncertain;
  TRY(merge(context, open, entry, result));
  return result;
}

}  // namespace overpass::check
