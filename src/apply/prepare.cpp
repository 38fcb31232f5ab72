// SPDX-License-Identifier: MIT

#include "apply/prepare.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "apply/digest.h"
#include "apply/plain.h"
#include "base/nearest.h"
#include "changes/view.h"
#include "check/tree.h"
#include "sys/attributes.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::apply {

namespace {

using changes::Change;
using changes::Found;
using changes::Kind;
using changes::name_of;
using changes::parent_of;

class Preparer {
 public:
  Preparer(const Target& target, Plan& plan, const Preparation& preparation)
      : target_(target), plan_(plan), with_(preparation) {
    options_.gives_owner = preparation.gives_owner;
    for (const Change& change : preparation.all.changes) {
      if (change.kind != Kind::Renamed) changed_.insert(change.path);
    }
    for (const PlannedStep& planned : plan.steps) {
      all_ += planned.changes.size();
      const Change& change = *planned.changes.front();
      const bool stays = planned.step.act == Act::Overwrite || planned.step.act == Act::Change;
      if (!stays || !change.after->file) continue;
      if (change.after->file->stat.stx_nlink > 1) {
        staying_.emplace(change.after->file->stat.stx_ino, planned.step.old_path);
      }
      with_.kept.expect_change(change.before->file->stat.stx_ino);
      changing_.insert(change.before->file->stat.stx_ino);
    }
  }

  Expected<void> run() {
    for (PlannedStep& planned : plan_.steps) {
      if (const auto made = make(planned); !made) return tell(planned.step, made.error());
    }
    if (const auto finished = with_.kept.finish(); !finished) {
      return problem(std::string("what is replaced cannot be kept: ") +
                     std::strerror(to_int(finished.error())));
    }
    return {};
  }

 private:
  static std::unexpected<Problem> tell(const Step& step, Errno error) {
    const std::string& path = step.path.empty() ? step.old_path : step.path;
    if (error == Errno{ECANCELED}) return problem("interrupted; nothing has been changed");
    return problem(
        in_quotes(path) + " cannot be prepared: " + std::strerror(to_int(error)),
        error == Errno{EBUSY} ? "it is being written; apply it later" : "nothing has been changed");
  }

  Result<void> make(PlannedStep& planned) {
    TRY(with_.progress(done_, all_));
    done_ += planned.changes.size();
    const Change& change = *planned.changes.front();
    Step& step = planned.step;
    switch (step.act) {
      case Act::Take:
        return change.kind == Kind::Deleted ? keep(step)
                                            : with_.kept.keep_move(step.old_path, change.path);
      case Act::Put:
        return change.kind == Kind::Renamed ? make_arrival(step) : make_new(planned);
      case Act::Overwrite:
        TRY(with_.kept.keep_content(step.old_path));
        TRY(make_whole(step.temporary + kFormer, with_.before, *change.before));
        TRY(make_whole(step.temporary, with_.after, *change.after));
        return note_given(step);
      case Act::Change:
        TRY(with_.kept.keep_attributes(step.old_path));
        TRY(make_carrier(step.temporary + kFormer, with_.before, *change.before));
        TRY(make_carrier(step.temporary, with_.after, *change.after));
        return note_given(step);
    }
    return {};
  }

  Result<void> note_given(Step& step) const {
    step.given = layer::stamp_of(TRY(target_.stat(step.temporary)));
    return {};
  }

  /// The directory of a temporary name, as long as no directory has moved.
  Result<UniqueFd> beside(const std::string& temporary) const {
    return target_.directory(plan_.renames.before(parent_of(temporary)));
  }

  Result<void> keep_absence(const std::string& path) {
    const std::string old_path = plan_.renames.parent_before(path);
    if (plan_.departing.contains(old_path)) return {};  // Something was there, and is kept.
    // In a directory that is new itself there is nothing to be said.
    const Found above = TRY(with_.before.find(parent_of(old_path)));
    return above.directories.empty() ? Result<void>() : with_.kept.keep_absence(old_path);
  }

  /// Keeps what the step takes or replaces, and what it was then.
  Result<void> keep(Step& step) {
    TRY(with_.kept.keep(step.old_path, plan_.moved));
    std::vector<std::string> left_out;
    for (const std::string& moved : plan_.moved) {
      const bool is_below =
          moved.size() > step.old_path.size() && is_at_or_below(moved, step.old_path);
      if (is_below) left_out.push_back(moved.substr(step.old_path.size() + 1));
    }
    step.kept_digest = TRY(digest_of(target_, step.old_path, changing_, left_out));
    return {};
  }

  Result<void> make_arrival(Step& step) {
    step.prepared = TRY(target_.stat(step.old_path)).stx_ino;
    return keep_absence(step.path);
  }

  Result<void> make_new(PlannedStep& planned) {
    Step& step = planned.step;
    if (step.replaced) {
      TRY(keep(step));
    } else {
      TRY(keep_absence(step.path));
    }
    const Change& top = *planned.changes.front();
    const auto edited = with_.edited.find(step.path);
    TRY(edited != with_.edited.end() ? make_edited(step, top, edited->second)
                                     : make_file(step, *top.after));
    if (!top.after->directories.empty()) TRY(make_below(planned));
    const std::string temporary = plan_.renames.parent_before(step.temporary);
    step.prepared_digest = TRY(digest_of(target_, temporary, changing_));
    return {};
  }

  /// `found` under the step's temporary name.
  Result<void> make_file(Step& step, const Found& found) {
    const UniqueFd directory = TRY(beside(step.temporary));
    const std::string name(name_of(step.temporary));
    TRY(make_one(found, directory, name, step.temporary));
    step.prepared = TRY(sys::stat({directory, name.c_str()})).stx_ino;
    return {};
  }

  /// Its times are of now: it is neither what was there nor what the sandbox has.
  Result<void> make_edited(Step& step, const Change& change, const EditedFile& edited) {
    const bool is_origin = !edited.origin || (step.replaced && layer::is_same_but_ctime(
                                                                   *edited.origin, *step.replaced));
    if (!is_origin) return fail(EBUSY);
    const UniqueFd directory = TRY(beside(step.temporary));
    const std::string name(name_of(step.temporary));
    const UniqueFd file =
        TRY(sys::open_at(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(sys::write_text(file, edited.content));
    changes::View& view = edited.has_new_attributes ? with_.after : with_.before;
    const Found& like = edited.has_new_attributes ? *change.after : *change.before;
    TRY(copy_attributes(view, like, file, options_));
    const timespec now = {.tv_sec = 0, .tv_nsec = UTIME_NOW};
    TRY(sys::change_times(sys::place_of(file), now, now));
    step.prepared = TRY(sys::stat(sys::place_of(file))).stx_ino;
    return {};
  }

  /// A copy, or another name of a file that has been copied or is there already.
  Result<void> make_one(const Found& found, BorrowedFd directory, const std::string& name,
                        const std::string& path) {
    const sys::Stat& stat = found.top().stat;
    if (!S_ISREG(stat.stx_mode)) {
      return copy_object(with_.after, found, directory, name.c_str(), options_);
    }
    if (raw(with_.used_up) >= 0 && found.data && found.data->path == found.file->path &&
        use_up(*found.file, directory, name)) {
      return {};
    }
    if (stat.stx_nlink > 1) {
      if (const auto other = staying_.find(stat.stx_ino); other != staying_.end()) {
        return link(TRY(target_.directory(parent_of(other->second))), other->second, directory,
                    name);
      }
      if (const auto other = made_.find(stat.stx_ino); other != made_.end()) {
        return link(TRY(beside(other->second)), other->second, directory, name);
      }
      if (const auto other = TRY(unchanged_name_of(stat.stx_ino))) {
        return link(TRY(target_.directory(parent_of(*other))), *other, directory, name);
      }
      made_.emplace(stat.stx_ino, path);
    }
    return copy_object(with_.after, found, directory, name.c_str(), options_);
  }

  static Result<void> link(const UniqueFd& from, const std::string& path, BorrowedFd directory,
                           const std::string& name) {
    return sys::make_link({from, std::string(name_of(path)).c_str()}, directory, name.c_str());
  }

  /// The file of the layer itself gets the name. False where that cannot be.
  bool use_up(const changes::Place& file, BorrowedFd directory, const std::string& name) {
    const std::string above = "./" + std::string(parent_of(file.path));
    const auto parent = sys::open_beneath(with_.used_up, above.c_str(), O_PATH | O_DIRECTORY);
    if (!parent || file.layer != layer::kUpper) return false;
    const std::string own_name(name_of(file.path));
    const sys::Place place = {*parent, own_name.c_str()};
    const auto marks = has_marks(place);
    return marks && !*marks && sys::make_link(place, directory, name.c_str()).has_value();
  }

  /// The name, in the directory as it was, of a file of the upper that is as it was there.
  Result<std::optional<std::string>> unchanged_name_of(uint64_t ino) {
    if (!knows_names_) TRY(learn_names());
    const auto [first, last] = names_.equal_range(ino);
    for (auto at = first; at != last; ++at) {
      const std::string& path = at->second;
      const bool is_changed = changed_.contains(path);
      const std::string old_path = plan_.renames.before(path);
      const auto now = is_changed ? Result<sys::Stat>(fail(ENOENT)) : target_.stat(old_path);
      if (now && S_ISREG(now->stx_mode)) return std::optional(old_path);
    }
    return std::optional<std::string>();
  }

  /// Files of several names in the layers that change something.
  Result<void> learn_names() {
    knows_names_ = true;
    for (const changes::Place& root : with_.after.roots()) {
      if (root.layer < with_.changing_layers) TRY(learn_names_of(root.layer));
    }
    return {};
  }

  Result<void> learn_names_of(layer::LayerIndex layer) {
    std::vector<std::string> pending = {""};
    while (!pending.empty()) {
      const std::string at = std::move(pending.back());
      pending.pop_back();
      const UniqueFd directory = TRY(sys::open_for_listing(TRY(with_.after.directory(layer, at))));
      for (const std::string& name : TRY(check::names_in(directory))) {
        const auto stat = sys::stat({directory, name.c_str()});
        if (!stat) continue;
        std::string path = check::joined(at, name);
        if (S_ISDIR(stat->stx_mode)) {
          pending.push_back(std::move(path));
        } else if (S_ISREG(stat->stx_mode) && stat->stx_nlink > 1) {
          names_.emplace(stat->stx_ino, std::move(path));
        }
      }
    }
    return {};
  }

  /// What a new directory holds.
  Result<void> make_below(const PlannedStep& planned) {
    const Step& step = planned.step;
    const UniqueFd parent = TRY(beside(step.temporary));
    const std::string name(name_of(step.temporary));
    const UniqueFd top = TRY(sys::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY));
    FilledDirectories directories(parent);
    TRY(directories.add(name));
    for (size_t i = 1; i < planned.changes.size(); ++i) {
      TRY(with_.progress(done_ - planned.changes.size() + i, all_));
      const Change& change = *planned.changes[i];
      const std::string below = change.path.substr(step.path.size() + 1);
      const std::string above = "./" + std::string(parent_of(below));
      const UniqueFd directory = TRY(sys::open_beneath(top, above.c_str(), O_RDONLY | O_DIRECTORY));
      TRY(make_one(*change.after, directory, std::string(name_of(below)),
                   check::joined(step.temporary, below)));
      if (!change.after->directories.empty()) TRY(directories.add(check::joined(name, below)));
    }
    return directories.finish();
  }

  /// Something of the same kind that has the attributes of `found`, for a while.
  Result<void> make_carrier(const std::string& temporary, changes::View& view, const Found& found) {
    const UniqueFd directory = TRY(beside(temporary));
    const std::string name(name_of(temporary));
    if (!found.file || !S_ISREG(found.file->stat.stx_mode)) {
      return copy_object(view, found, directory, name.c_str(), options_);
    }
    const UniqueFd file =
        TRY(sys::open_at(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    return copy_attributes(view, found, file, options_);
  }

  /// A copy of `found` beside the step's temporary name, for a while.
  Result<void> make_whole(const std::string& temporary, changes::View& view, const Found& found) {
    const UniqueFd directory = TRY(beside(temporary));
    return copy_object(view, found, directory, std::string(name_of(temporary)).c_str(), options_);
  }

  const Target& target_;
  Plan& plan_;
  const Preparation& with_;
  CopyOptions options_;
  size_t done_ = 0;
  size_t all_ = 0;
  std::map<uint64_t, std::string> made_;  ///< By inode of the upper: the path of a copy.
  /// By inode of the upper: the old path of a file that stays itself.
  std::map<uint64_t, std::string> staying_;
  std::set<std::string> changed_;
  std::set<uint64_t> changing_;  ///< Inodes of the target that stay themselves and change.
  std::multimap<uint64_t, std::string> names_;
  bool knows_names_ = false;
};

}  // namespace

Expected<void> prepare(const Target& target, Plan& plan, const Preparation& preparation) {
  return Preparer(target, plan, preparation).run();
}

}  // namespace overpass::apply
