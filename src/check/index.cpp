// SPDX-License-Identifier: MIT
//
// An entry is given up only when it provably holds nothing: a file that no name of the union leads
// to any more, or an empty directory whose upper directory is gone.

#include "check/index.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "check/tree.h"
#include "check/work.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/origin.h"
#include "overpass/layer_format.h"
#include "sys/names.h"

namespace overpass::check {

namespace {

using State = HandleTarget::State;

std::string shown_path(const std::string& name) { return "/" + joined(format::kIndexName, name); }

Result<UniqueFd> open_index(const Context& context) {
  return open_directory_below(context.target.work, format::kIndexName, O_RDONLY);
}

/// That the index was made for this upper.
Result<void> examine_index_root(Context& context, BorrowedFd fd) {
  const sys::Place place = sys::place_of(fd);
  const Marks marks = TRY(read_marks(place, context.target.prefix()));
  const std::string path = std::string("/") + format::kIndexName;
  report_marks(context, Area::Work, path, place, marks, TRY(sys::stat(place)), Where::IndexRoot);
  // Older overlayfs wrote "origin" here, for the same.
  for (const MarkName name : {MarkName::Upper, MarkName::Origin}) {
    const auto& value = marks[name];
    const auto recorded = value ? layer::decode_origin(*value) : std::nullopt;
    const layer::Layer& upper = context.target.stack.upper();
    const auto actual =
        layer::decode_origin(layer::encode_origin(upper, sys::place_of(upper.root)).value_or(""));
    if (!recorded || !actual || recorded->handle == actual->handle) continue;
    context.findings.add({Kind::IndexOfOther, Area::Work, path});
  }
  return {};
}

Result<void> read_entries(Context& context) {
  auto opened = open_index(context);
  if (opened.failed_with(ENOENT)) return {};
  const UniqueFd fd = TRY(std::move(opened));
  TRY(examine_index_root(context, fd));
  for (const std::string& name : TRY(names_in(fd))) {
    if (context.findings.stopped()) return {};
    context.findings.examined();
    const sys::Stat stat = TRY(sys::stat({fd, name.c_str()}));
    if (name.front() == kTemporaryPrefix) {
      report_leftover(context, fd, name, joined(format::kIndexName, name), stat);
    } else if (auto origin = layer::origin_of_index_name(name)) {
      context.index.emplace(name, IndexEntry{std::move(*origin), stat});
    } else {
      context.findings.add({Kind::IndexNameInvalid, Area::Work, shown_path(name)});
    }
  }
  return {};
}

/// Examines the entries one by one, in the index open at `fd_`.
class Examination {
 public:
  Examination(Context& context, BorrowedFd fd)
      : context_(context), fd_(fd), upper_handles_(HandleFinder::of_upper(context.target.stack)) {}

  Result<void> examine(const std::string& name, const IndexEntry& entry) {
    // A whiteout says that the lower file is gone from the union, for NFS clients.
    if (layer::is_whiteout(entry.stat)) return {};
    const sys::Place place = {fd_, name.c_str()};
    const Marks marks = TRY(read_marks(place, context_.target.prefix()));
    report_marks(context_, Area::Work, shown_path(name), place, marks, entry.stat, Where::Index);
    if (S_ISDIR(entry.stat.stx_mode)) {
      examine_directory(name, entry, marks);
    } else {
      examine_file(name, entry, marks);
    }
    return {};
  }

 private:
  void add(Kind kind, const std::string& name, std::string detail = {}) {
    context_.findings.add({kind, Area::Work, shown_path(name), std::move(detail)});
  }

  void add_orphan(const std::string& name, std::string detail, bool is_dir) {
    context_.findings.add({Kind::IndexOrphan, Area::Work, shown_path(name), std::move(detail)},
                          "remove the entry", [&] {
                            return is_dir ? sys::remove_directory(fd_, name.c_str())
                                          : sys::remove_file(fd_, name.c_str());
                          });
  }

  /// The entry of a directory is empty, and names the upper directory by handle.
  void examine_directory(const std::string& name, const IndexEntry& entry, const Marks& marks) {
    const auto& value = marks[MarkName::Upper];
    if (!value) {
      add_orphan(name, "it names no directory of the upper", true);
      return;
    }
    const auto handle = layer::decode_origin(*value);
    if (!handle) return;  // Reported with the other values.
    auto upper = upper_handles_.open(*handle);
    if (upper.failed_with(ESTALE)) {
      add_orphan(name, "its directory in the upper is gone", true);
      return;
    }
    if (!upper) return;
    const auto found = read_marks(sys::place_of(*upper), context_.target.prefix());
    if (found && (*found)[MarkName::Origin] != entry.origin) {
      add(Kind::IndexElsewhere, name, "the directory it names has another origin");
    }
  }

  void examine_file(const std::string& name, const IndexEntry& entry, const Marks& marks) {
    const auto& value = marks[MarkName::Origin];
    if (!value || value->empty()) {
      add(Kind::IndexNoOrigin, name);
      return;
    }
    if (*value != entry.origin) {
      add(Kind::IndexElsewhere, name, "its origin mark is " + shown_value(*value));
      return;
    }
    const auto origin = layer::decode_origin(entry.origin);
    const HandleTarget lower = origin ? context_.lower_handles.find(*origin) : HandleTarget{};
    if (lower.state == State::Gone || lower.state == State::Elsewhere) {
      add(Kind::IndexStale, name);
      return;
    }
    if (lower.state == State::Found) examine_nlink(name, entry, marks, lower.stat);
  }

  /// The union shows the names in the upper, and those of the lower that nothing is in the way of.
  void examine_nlink(const std::string& name, const IndexEntry& entry, const Marks& marks,
                     const sys::Stat& lower) {
    const auto& value = marks[MarkName::Nlink];
    if (!value) return add(Kind::NlinkWrong, name, "the mark is missing");
    const auto mark = layer::decode_nlink(*value);
    if (!mark) return;  // Reported with the other values.
    const auto count = layer::union_nlink(*mark, entry.stat.stx_nlink, lower.stx_nlink);
    const std::string said = shown_value(*value) + " of " + std::to_string(entry.stat.stx_nlink) +
                             " in the upper and " + std::to_string(lower.stx_nlink) +
                             " in the lower";
    if (count == 0U && entry.stat.stx_nlink == 1) {
      add_orphan(name, "no name of the union leads to it", false);
    } else if (!count || *count < entry.aliases || *count > entry.aliases + lower.stx_nlink) {
      add(Kind::NlinkWrong, name,
          said + ", with " + std::to_string(entry.aliases) + " names found in the upper");
    }
  }

  Context& context_;
  const BorrowedFd fd_;
  const HandleFinder upper_handles_;
};

}  // namespace

void read_index(Context& context) {
  if (const auto read = read_entries(context); !read) {
    report_unreadable(context, Area::Work, shown_path(""), read.error());
  }
}

void check_index(Context& context) {
  if (context.index.empty()) return;
  const auto fd = open_index(context);
  if (!fd) return report_unreadable(context, Area::Work, shown_path(""), fd.error());
  Examination examination(context, *fd);
  for (const auto& [name, entry] : context.index) {
    if (context.findings.stopped()) return;
    if (const auto examined = examination.examine(name, entry); !examined) {
      report_unreadable(context, Area::Work, shown_path(name), examined.error());
    }
  }
}

}  // namespace overpass::check
