// SPDX-License-Identifier: MIT
//
// Whiteouts first, since they carry no marks; then marks; then what the marks lead to.

#include "check/upper_entry.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "check/tree.h"
#include "check/upper_directory.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/origin.h"
#include "sys/attributes.h"
#include "sys/content_digest.h"
#include "sys/names.h"

namespace overpass::check {

namespace {

/// The union does not change by it, so that its directory keeps its times.
Result<void> remove_whiteout(BorrowedFd directory, const std::string& name) {
  const auto before = sys::stat(sys::place_of(directory));
  TRY(sys::remove_file(directory, name.c_str()));
  if (before) (void)sys::copy_times(sys::place_of(directory), *before);  // As far as this may.
  return {};
}

Result<void> examine_whiteout(Context& context, const OpenUpperDirectory& open,
                              const UpperEntry& entry) {
  const UpperDirectory& directory = open.directory;
  if (directory.is_uncertain) return {};
  // Anything of that name in a lower will do, so that no doubt about what is shown costs anything.
  if (!directory.is_opaque && TRY(is_named_in(open.lower_fds, entry.name))) return {};
  const Kind kind = directory.is_opaque ? Kind::WhiteoutInOpaque : Kind::WhiteoutUnneeded;
  context.findings.add({kind, Area::Upper, entry.shown_path()}, "remove the whiteout",
                       [&] { return remove_whiteout(open.fd, entry.name); });
  return {};
}

/// That the data are those that the mark names, if it names any.
Result<void> examine_digest(Context& context, const UpperEntry& entry, const LowerPlace& data) {
  const auto mark = layer::decode_metacopy(*entry.marks[MarkName::Metacopy]);
  if (!mark || !mark->has_digest()) return {};
  const auto actual = sys::measure_verity(TRY(context.lowers.open_file(data)));
  if (actual && actual->algorithm == mark->digest_algorithm && actual->bytes == mark->digest) {
    return {};
  }
  context.findings.add({Kind::MetacopyDigest, Area::Upper, entry.shown_path(),
                        actual ? "the data have another digest" : "the data have no digest"});
  return {};
}

/// The data of a metacopy: by its name, or by its redirect.
Result<void> examine_metacopy(Context& context, const OpenUpperDirectory& open,
                              const UpperEntry& entry) {
  const auto& redirect = entry.marks[MarkName::Redirect];
  if (open.directory.is_uncertain || (redirect && !layer::decode_redirect(*redirect))) return {};
  const LowerAnswer answer = TRY(context.lowers.look_up(
      open.directory.lowers, open.lower_fds, redirect.value_or(entry.name), Above::Metacopy));
  std::string detail = redirect ? "overlay.redirect is " + shown_value(*redirect) : "";
  if (!answer.data) {
    if (!answer.trouble.empty()) detail += (detail.empty() ? "" : "; ") + answer.trouble;
    context.findings.add({Kind::MetacopyNoData, Area::Upper, entry.shown_path(), detail});
    return {};
  }
  if (answer.data->stat.stx_size != entry.stat.stx_size) {
    detail = std::to_string(entry.stat.stx_size) + " bytes here, " +
             std::to_string(answer.data->stat.stx_size) + " in the lower";
    context.findings.add({Kind::MetacopySize, Area::Upper, entry.shown_path(), detail});
  }
  return examine_digest(context, entry, *answer.data);
}

/// Where the origin leads. Whether the entry's number differs from the upper file's, as far as this
/// can be told.
bool examine_origin(Context& context, const UpperEntry& entry) {
  const auto& value = entry.marks[MarkName::Origin];
  const auto origin = value ? layer::decode_origin(*value) : std::nullopt;
  if (!origin) return false;
  Findings& findings = context.findings;
  const bool is_dir = S_ISDIR(entry.stat.stx_mode);
  const HandleTarget target = context.lower_handles.find(*origin);
  switch (target.state) {
    case HandleTarget::State::Elsewhere:
      findings.add({Kind::OriginUnknown, Area::Upper, entry.shown_path()});
      return false;
    case HandleTarget::State::Gone:
      findings.add({Kind::OriginStale, Area::Upper, entry.shown_path()});
      return false;
    case HandleTarget::State::Undecodable:
      return true;
    case HandleTarget::State::Found:
      break;
  }
  if ((target.stat.stx_mode & S_IFMT) != (entry.stat.stx_mode & S_IFMT)) {
    findings.add({Kind::OriginWrongType, Area::Upper, entry.shown_path()});
    return false;
  }
  // Names of one lower file that part at copy-up keep its number each, rightly.
  if (is_dir || target.stat.stx_nlink > 1) return is_dir;
  if (const uint64_t other = context.owners.note(*value, entry.stat.stx_ino)) {
    findings.add({Kind::OriginShared, Area::Upper, entry.shown_path(),
                  "the other is inode " + std::to_string(other) + " of the upper"});
  }
  return true;
}

/// Counts the name for its index entry.
void examine_index(Context& context, const UpperEntry& entry) {
  const auto& origin = entry.marks[MarkName::Origin];
  const auto name = origin ? layer::index_name_of(*origin) : std::nullopt;
  const auto found = name ? context.index.find(*name) : context.index.end();
  const bool is_indexed =
      found != context.index.end() && found->second.stat.stx_ino == entry.stat.stx_ino;
  if (is_indexed) {
    ++found->second.aliases;
  } else if (entry.marks[MarkName::Nlink]) {
    context.findings.add({Kind::IndexMissing, Area::Upper, entry.shown_path()});
  }
}

/// A file with the mark of a whiteout by attribute. Whether it is one.
bool examine_whiteout_mark(Context& context, const OpenUpperDirectory& open,
                           const UpperEntry& entry) {
  if (!entry.marks[MarkName::Whiteout]) return false;
  const bool is_empty_file = S_ISREG(entry.stat.stx_mode) && entry.stat.stx_size == 0;
  if (is_empty_file && open.directory.has_xwhiteouts) return true;
  context.findings.add(
      {Kind::WhiteoutMarkUnused, Area::Upper, entry.shown_path(),
       is_empty_file ? "its directory has no overlay.opaque=x" : "it is not an empty file"});
  return false;
}

Result<void> examine_file(Context& context, const OpenUpperDirectory& open,
                          const UpperEntry& entry) {
  const auto& metacopy = entry.marks[MarkName::Metacopy];
  const bool is_regular = S_ISREG(entry.stat.stx_mode);
  if (is_regular && metacopy && layer::decode_metacopy(*metacopy)) {
    TRY(examine_metacopy(context, open, entry));
  } else if (const auto& redirect = entry.marks[MarkName::Redirect]; is_regular && redirect) {
    context.findings.add(
        {Kind::RedirectUnused, Area::Upper, entry.shown_path(), shown_value(*redirect)});
  }
  examine_index(context, entry);
  return {};
}

}  // namespace

Result<std::optional<UpperDirectory>> examine_entry(Context& context, OpenUpperDirectory& open,
                                                    const std::string& name) {
  const sys::Place place = {open.fd, name.c_str()};
  const sys::Stat stat = TRY(sys::stat(place));
  UpperEntry entry{name, joined(open.directory.path, name), stat, {}};
  if (layer::is_whiteout(entry.stat)) {
    TRY(examine_whiteout(context, open, entry));
    return std::nullopt;
  }
  if (const auto hidden = layer::hidden_by(name)) {
    if (context.target.upper_takes_xattrs) {
      context.findings.add({Kind::WhiteoutName, Area::Upper, entry.shown_path()});
    }
    return std::nullopt;
  }
  entry.marks = TRY(read_marks(place, context.target.prefix()));
  report_marks(context, Area::Upper, entry.shown_path(), place, entry.marks, entry.stat,
               Where::Upper);
  if (examine_whiteout_mark(context, open, entry)) {
    TRY(examine_whiteout(context, open, entry));
    return std::nullopt;
  }
  if (examine_origin(context, entry)) open.needs_impure = true;
  if (S_ISDIR(entry.stat.stx_mode)) return TRY(examine_directory(context, open, entry));
  TRY(examine_file(context, open, entry));
  return std::nullopt;
}

}  // namespace overpass::check
