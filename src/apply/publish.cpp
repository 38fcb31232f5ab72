// SPDX-License-Identifier: MIT

#include "apply/publish.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cstring>
#include <ranges>
#include <set>

#include "apply/base_stamps.h"
#include "apply/copy_object.h"
#include "apply/digest.h"
#include "apply/paths.h"
#include "base/nearest.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/remove_tree.h"
#include "sys/attributes.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::apply {

namespace {

using changes::name_of;
using changes::parent_of;

/// A name in an open directory.
struct Spot {
  UniqueFd directory;
  std::string name;

  sys::Place place() const { return {directory, name.c_str()}; }
};

Result<Spot> spot(const Target& target, const std::string& path) {
  return Spot{TRY(target.directory(parent_of(path))), std::string(name_of(path))};
}

/// Nothing if nothing is there.
Result<std::optional<sys::Stat>> look(const Spot& at) {
  const auto stat = sys::stat(at.place());
  if (stat.failed_with(ENOENT)) return std::optional<sys::Stat>();
  return std::optional(TRY(stat));
}

/// Whether it is the file that was checked. Renaming it has changed its ctime.
bool is_checked(const Step& step, const sys::Stat& stat) {
  return layer::is_same_but_ctime(*step.replaced, layer::stamp_of(stat));
}

/// What a step has to know of the others.
class Others {
 public:
  explicit Others(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      const bool stays = step.act == Act::Overwrite || step.act == Act::Change;
      if (stays && step.replaced) changing_.insert(step.replaced->ino);
      if (step.act == Act::Put) put_.insert(step.path);
    }
  }

  /// The inodes that are changed by whatever name.
  const std::set<uint64_t>& changing() const { return changing_; }

  /// What others put below the path of the step, from there.
  std::vector<std::string> put_below(const Step& step) const {
    std::vector<std::string> found;
    const std::string above = step.path + "/";
    for (auto at = put_.lower_bound(above); at != put_.end() && at->starts_with(above); ++at) {
      found.push_back(at->substr(above.size()));
    }
    return found;
  }

  /// Whether it is the file that was checked.
  bool is_still(const Step& step, const sys::Stat& stat) const {
    if (changing_.contains(stat.stx_ino)) return step.replaced->ino == stat.stx_ino;
    return is_checked(step, stat);
  }

 private:
  std::set<uint64_t> changing_;
  std::set<std::string> put_;
};

/// What has been moved to `moved` must be what was checked; otherwise it goes back.
Result<void> confirm(const Others& others, const Step& step, const Spot& moved, const Spot& from,
                     unsigned flags) {
  if (others.is_still(step, TRY(sys::stat(moved.place())))) return {};
  TRY(sys::rename(moved.place(), from.place(), flags));
  return fail(ESTALE);
}

/// Whether what was prepared is at `path` as it was prepared. A directory that is moved is its
/// users' to change.
Result<bool> is_as_prepared(const Target& target, const Step& step, const Others& others) {
  const auto present = target.stat(step.path);
  if (!present || present->stx_ino != step.prepared) return false;
  if (step.prepared_digest == 0) return true;
  return TRY(digest_of(target, step.path, others.changing(), others.put_below(step))) ==
         step.prepared_digest;
}

/// Whether the directory that the step takes has come to its new place already.
bool has_arrived(const Target& target, const Step& step) {
  if (step.path.empty()) return false;
  const auto present = target.stat(step.path);
  return present && present->stx_ino == step.replaced->ino;
}

Result<void> take(const Target& target, const Step& step, const Others& others) {
  const Spot temporary = TRY(spot(target, step.temporary));
  const auto taken = TRY(look(temporary));
  // The directory that it was in may have gone, too.
  if (taken && others.is_still(step, *taken)) return {};
  if (!taken && has_arrived(target, step)) return {};
  const Spot from = TRY(spot(target, step.old_path));
  if (taken) return confirm(others, step, temporary, from, RENAME_NOREPLACE);
  TRY(sys::rename(from.place(), temporary.place(), RENAME_NOREPLACE));
  return confirm(others, step, temporary, from, RENAME_NOREPLACE);
}

Result<void> put(const Target& target, const Step& step, const Others& others) {
  const Spot to = TRY(spot(target, step.path));
  const Spot temporary = TRY(spot(target, step.temporary));
  const auto present = TRY(look(to));
  const bool is_there = present && present->stx_ino == step.prepared;
  if (!step.replaced) {
    if (is_there) return {};
    return sys::rename(temporary.place(), to.place(), RENAME_NOREPLACE);
  }
  if (!is_there) TRY(sys::rename(temporary.place(), to.place(), RENAME_EXCHANGE));
  return confirm(others, step, temporary, to, RENAME_EXCHANGE);
}

/// Whether the file is what the step has given. Times of directories change with their entries.
bool is_given(const Step& step, const sys::Stat& stat) {
  const layer::BaseStamp now = layer::stamp_of(stat);
  if (S_ISDIR(now.mode)) return true;
  const bool is_same_size = step.act == Act::Change || now.size == step.given->size;
  return is_same_size && now.mtime_seconds == step.given->mtime_seconds &&
         now.mtime_nanoseconds == step.given->mtime_nanoseconds;
}

/// Gives the file at the step's path what is at `from`.
Result<void> hand_over(const Step& step, const Spot& from, BorrowedFd to) {
  const sys::Place place = sys::place_of(to);
  if (step.act == Act::Overwrite) {
    // An ordinary user needs the permission, which the attributes may take away again.
    const sys::Stat present = TRY(sys::stat(place));
    if ((present.stx_mode & S_IWUSR) == 0) {
      TRY(sys::change_mode(place, (present.stx_mode & 07777) | S_IWUSR));
    }
    TRY(clone_content(from.place(), place));
  }
  return clone_attributes(from.place(), place);
}

/// The names of an Overwrite or Change, and the file that it changes.
struct Gift {
  Spot waiting, begun, given, former;
  UniqueFd to;
  sys::Stat present;
};

Result<Gift> gift(const Target& target, const Step& step) {
  Gift found = {.waiting = TRY(spot(target, step.temporary)),
                .begun = {},
                .given = {},
                .former = {},
                .to = {},
                .present = {}};
  found.begun = TRY(spot(target, step.temporary + kBegun));
  found.given = TRY(spot(target, step.temporary + kGiven));
  found.former = TRY(spot(target, step.temporary + kFormer));
  const Spot at = TRY(spot(target, step.path));
  found.to = TRY(sys::open_at(at.directory, at.name.c_str(), O_PATH));
  found.present = TRY(sys::stat(sys::place_of(found.to)));
  if (found.present.stx_ino != step.replaced->ino) return fail(ESTALE);
  return found;
}

/// The names on disk say how far it is: only what has begun is begun anew.
Result<void> give(const Target& target, const Step& step) {
  const Gift names = TRY(gift(target, step));
  if (TRY(look(names.given))) return {};
  if (!TRY(look(names.begun))) {
    // Another name of it may have been given the same before.
    if (!is_checked(step, names.present) && !is_given(step, names.present)) return fail(ESTALE);
    TRY(sys::rename(names.waiting.place(), names.begun.place(), RENAME_NOREPLACE));
    TRY(sys::sync_file(names.begun.directory));
  }
  TRY(hand_over(step, names.begun, names.to));
  return sys::rename(names.begun.place(), names.given.place(), RENAME_NOREPLACE);
}

Result<void> forwards(const Target& target, const Step& step, const Others& others) {
  switch (step.act) {
    case Act::Take:
      return take(target, step, others);
    case Act::Put:
      return put(target, step, others);
    default:
      return give(target, step);
  }
}

/// What was replaced is at the temporary name, or nothing has happened.
Result<void> take_back_put(const Target& target, const Step& step, const Others& others) {
  const auto to = spot(target, step.path);
  // What it is in may not have come yet.
  if (!to) return to.failed_with(ENOENT) ? Result<void>() : fail(to.error());
  const auto present = TRY(look(*to));
  const Spot temporary = TRY(spot(target, step.temporary));
  const auto moved = TRY(look(temporary));
  if (!step.replaced) {
    if (!present || present->stx_ino != step.prepared) return {};
    if (!TRY(is_as_prepared(target, step, others))) return fail(ESTALE);
    return sys::rename(to->place(), temporary.place(), RENAME_NOREPLACE);
  }
  if (!moved || moved->stx_ino != step.replaced->ino) return {};
  if (!present) return sys::rename(temporary.place(), to->place(), RENAME_NOREPLACE);
  if (!TRY(is_as_prepared(target, step, others))) return fail(ESTALE);
  return sys::rename(temporary.place(), to->place(), RENAME_EXCHANGE);
}

Result<void> take_back_gift(const Target& target, const Step& step) {
  const auto names = gift(target, step);
  if (names.failed_with(ENOENT)) return {};
  if (!names) return fail(names.error());
  const bool has_begun = TRY(look(names->begun)).has_value();
  if (!has_begun && !TRY(look(names->given))) return {};
  if (!has_begun && !is_given(step, names->present)) return fail(ESTALE);
  return hand_over(step, names->former, names->to);
}

Result<void> backwards(const Target& target, const Step& step, const Others& others) {
  switch (step.act) {
    case Act::Put:
      return take_back_put(target, step, others);
    case Act::Take: {
      const Spot temporary = TRY(spot(target, step.temporary));
      if (!TRY(look(temporary))) return {};
      const Spot to = TRY(spot(target, step.old_path));
      return sys::rename(temporary.place(), to.place(), RENAME_NOREPLACE);
    }
    default:
      return take_back_gift(target, step);
  }
}

std::unexpected<Problem> tell(const Step& step, Errno error, const char* what) {
  const std::string& path = step.path.empty() ? step.old_path : step.path;
  const bool is_other = error == Errno{ESTALE} || error == Errno{EEXIST};
  return problem(
      in_quotes(path) + " cannot be " + what + ": " +
          (is_other ? "another process has just changed it" : std::strerror(to_int(error))),
      "see that nothing else writes there");
}

/// The directories that the steps move, as a list of renames.
Renames renames_of(const std::vector<Step>& steps) {
  changes::List list;
  for (const Step& put : steps) {
    const bool is_move = put.act == Act::Put && put.prepared_digest == 0 && !put.old_path.empty();
    if (is_move) list.changes.push_back({changes::Kind::Renamed, put.path, put.old_path});
  }
  return Renames(list);
}

Result<void> remove(const Target& target, const std::string& temporary) {
  const auto at = spot(target, temporary);
  if (!at) return at.failed_with(ENOENT) ? Result<void>() : fail(at.error());
  const auto removed = layer::remove_tree(at->directory, at->name.c_str());
  return removed.failed_with(ENOENT) ? Result<void>() : removed;
}

/// Whether what is at the temporary name may go: what the step has replaced, after all is done; or
/// what it has prepared.
Result<bool> may_go(const Target& target, const Step& step, const Others& others,
                    const std::string& temporary, bool is_published) {
  const auto stat = target.stat(temporary);
  if (!stat) return true;
  if (step.act == Act::Overwrite || step.act == Act::Change) return true;
  if (is_published) {
    return step.replaced && others.is_still(step, *stat);
  }
  return step.act == Act::Put && (!step.replaced || stat->stx_ino != step.replaced->ino);
}

}  // namespace

Expected<void> publish(const Target& target, const std::vector<Step>& steps) {
  const Others others(steps);
  for (const Step& step : steps) {
    if (const auto done = forwards(target, step, others); !done)
      return tell(step, done.error(), "applied");
  }
  return {};
}

Expected<void> take_back(const Target& target, const std::vector<Step>& steps) {
  const Others others(steps);
  for (const Step& step : std::views::reverse(steps)) {
    const auto done = backwards(target, step, others);
    if (!done) return tell(step, done.error(), "taken back");
  }
  return {};
}

Expected<void> check_kept(const Target& target, const std::vector<Step>& steps) {
  const Others others(steps);
  for (const Step& step : steps) {
    if (step.kept_digest == 0) continue;
    const auto digest = digest_of(target, step.temporary, others.changing());
    if (!digest) return tell(step, digest.error(), "applied");
    if (*digest != step.kept_digest) return tell(step, Errno{ESTALE}, "applied");
  }
  return {};
}

Expected<void> remove_temporaries(const Target& target, const std::vector<Step>& steps,
                                  bool is_published) {
  const Renames renames = renames_of(steps);
  const Others others(steps);
  for (const Step& step : steps) {
    const bool moves = step.act != Act::Put || is_published;
    const std::string temporary = moves ? step.temporary : renames.parent_before(step.temporary);
    const auto may = may_go(target, step, others, temporary, is_published);
    if (!may || !*may) {
      return problem(
          in_quotes(temporary) + " in " + in_quotes(target.path()) + " is not what was put there",
          "another process may have exchanged it; move it away");
    }
    for (const char* mark : {"", kFormer, kBegun, kGiven}) {
      const std::string name = temporary + mark;
      if (const auto removed = remove(target, name); !removed) {
        return problem(
            in_quotes(name) + " cannot be removed: " + std::strerror(to_int(removed.error())),
            "remove it by hand");
      }
    }
  }
  return {};
}

std::string stamps_again(const Target& target, const std::vector<Step>& steps,
                         const Stamps& stamps) {
  std::string text;
  for (const Step& step : steps) {
    if (step.old_path.empty()) continue;
    std::string found;
    // What cannot be read keeps its stamp.
    if (!add_stamps(target, step.old_path, found)) continue;
    for (const auto& [path, now] : layer::decode_stamps(found)) {
      const auto known = stamps.find(path);
      const bool is_known = known != stamps.end() && layer::is_same_but_ctime(known->second, now);
      if (is_known) text += layer::encode_stamp(now, path);
    }
  }
  return text;
}

Result<std::string> stamps_after(const Target& target, const std::vector<Step>& steps) {
  std::string text;
  const Others others(steps);
  for (const Step& step : steps) {
    const bool goes = step.act == Act::Take || (step.act == Act::Put && step.replaced);
    if (goes && !step.old_path.empty()) text += layer::encode_stamp({}, step.old_path);
  }
  for (const Step& step : steps) {
    if (step.act == Act::Take) continue;
    const auto stat = target.stat(step.path);
    if (!stat) continue;  // It is gone: what it was is nobody's to say.
    // What has been changed since has no stamp, so that it will be in conflict.
    if (step.act == Act::Put && step.prepared_digest != 0) {
      if (TRY(is_as_prepared(target, step, others))) TRY(add_stamps(target, step.path, text));
    } else if (step.act == Act::Put || is_given(step, *stat)) {
      text += layer::encode_stamp(layer::stamp_of(*stat), step.path);
    }
  }
  return text;
}

}  // namespace overpass::apply
