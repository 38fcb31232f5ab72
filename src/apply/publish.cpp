// SPDX-License-Identifier: MIT

#include "apply/publish.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cstring>
#include <ranges>

#include "apply/copy_object.h"
#include "base/nearest.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/remove_tree.h"
#include "sys/attributes.h"
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
  layer::BaseStamp now = layer::stamp_of(stat);
  now.ctime_seconds = step.replaced->ctime_seconds;
  now.ctime_nanoseconds = step.replaced->ctime_nanoseconds;
  return layer::is_same(*step.replaced, now);
}

/// What has been moved to `moved` must be what was checked; otherwise it goes back.
Result<void> confirm(const Step& step, const Spot& moved, const Spot& from, unsigned flags) {
  if (is_checked(step, TRY(sys::stat(moved.place())))) return {};
  TRY(sys::rename(moved.place(), from.place(), flags));
  return fail(ESTALE);
}

/// Whether the directory that the step takes has come to its new place already.
bool has_arrived(const Target& target, const Step& step) {
  if (step.path.empty()) return false;
  const auto present = target.stat(step.path);
  return present && present->stx_ino == step.replaced->ino;
}

Result<void> take(const Target& target, const Step& step) {
  const Spot temporary = TRY(spot(target, step.temporary));
  if (TRY(look(temporary)) || has_arrived(target, step)) return {};
  const Spot from = TRY(spot(target, step.old_path));
  TRY(sys::rename(from.place(), temporary.place(), RENAME_NOREPLACE));
  return confirm(step, temporary, from, RENAME_NOREPLACE);
}

Result<void> put(const Target& target, const Step& step) {
  const Spot to = TRY(spot(target, step.path));
  const auto present = TRY(look(to));
  if (present && present->stx_ino == step.prepared) return {};
  const Spot temporary = TRY(spot(target, step.temporary));
  if (!step.replaced) return sys::rename(temporary.place(), to.place(), RENAME_NOREPLACE);
  TRY(sys::rename(temporary.place(), to.place(), RENAME_EXCHANGE));
  return confirm(step, temporary, to, RENAME_EXCHANGE);
}

Result<void> give(const Target& target, const Step& step, const std::string& temporary) {
  const Spot from = TRY(spot(target, temporary));
  const Spot to = TRY(spot(target, step.path));
  const sys::Stat present = TRY(sys::stat(to.place()));
  if (present.stx_ino != step.replaced->ino) return fail(ESTALE);
  if (step.act == Act::Overwrite) {
    // An ordinary user needs the permission, which the attributes may take away again.
    if ((present.stx_mode & S_IWUSR) == 0) {
      TRY(sys::change_mode(to.place(), (present.stx_mode & 07777) | S_IWUSR));
    }
    TRY(clone_content(from.place(), to.place()));
  }
  return clone_attributes(from.place(), to.place());
}

Result<void> forwards(const Target& target, const Step& step) {
  switch (step.act) {
    case Act::Take:
      return take(target, step);
    case Act::Put:
      return put(target, step);
    default:
      return give(target, step, step.temporary);
  }
}

Result<void> take_back_put(const Target& target, const Step& step) {
  const auto to = spot(target, step.path);
  // What it is in may not have come yet.
  if (!to) return to.failed_with(ENOENT) ? Result<void>() : fail(to.error());
  const auto present = TRY(look(*to));
  if (!present || present->stx_ino != step.prepared) return {};
  const Spot temporary = TRY(spot(target, step.temporary));
  const unsigned flags = step.replaced ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  return sys::rename(to->place(), temporary.place(), flags);
}

Result<void> backwards(const Target& target, const Step& step) {
  switch (step.act) {
    case Act::Put:
      return take_back_put(target, step);
    case Act::Take: {
      const Spot temporary = TRY(spot(target, step.temporary));
      if (!TRY(look(temporary))) return {};
      const Spot to = TRY(spot(target, step.old_path));
      return sys::rename(temporary.place(), to.place(), RENAME_NOREPLACE);
    }
    default: {
      const auto to = target.stat(step.path);
      const std::string former = step.temporary + kFormer;
      // Without either it has not begun.
      if (!to || to->stx_ino != step.replaced->ino || !target.stat(former)) return {};
      return give(target, step, former);
    }
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

/// Where the old path of a moved directory leads to, from the steps alone.
std::string before_moves(const std::vector<Step>& steps, const std::string& path) {
  std::string result = path;
  size_t longest = 0;
  for (const Step& put : steps) {
    if (put.act != Act::Put || put.old_path.empty() || put.replaced) continue;
    if (put.path.size() < longest || !is_at_or_below(path, put.path)) continue;
    longest = put.path.size();
    result = put.old_path + path.substr(put.path.size());
  }
  return result;
}

Result<void> remove(const Target& target, const std::string& temporary) {
  const auto at = spot(target, temporary);
  if (!at) return at.failed_with(ENOENT) ? Result<void>() : fail(at.error());
  const auto removed = layer::remove_tree(at->directory, at->name.c_str());
  return removed.failed_with(ENOENT) ? Result<void>() : removed;
}

/// Adds stamps of the tree at `path`.
Result<void> add_stamps(const Target& target, const std::string& path, std::string& text) {
  std::vector<std::string> pending = {path};
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    const sys::Stat stat = TRY(target.stat(at));
    text += layer::encode_stamp(layer::stamp_of(stat), at);
    if (!S_ISDIR(stat.stx_mode)) continue;
    const UniqueFd directory = TRY(target.directory(at));
    for (const std::string& name : TRY(check::names_in(directory))) {
      pending.push_back(check::joined(at, name));
    }
  }
  return {};
}

}  // namespace

Expected<void> publish(const Target& target, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (const auto done = forwards(target, step); !done) return tell(step, done.error(), "applied");
  }
  return {};
}

Expected<void> take_back(const Target& target, const std::vector<Step>& steps) {
  for (const Step& step : std::views::reverse(steps)) {
    const auto done = backwards(target, step);
    if (!done) return tell(step, done.error(), "taken back");
  }
  return {};
}

Expected<void> remove_temporaries(const Target& target, const std::vector<Step>& steps,
                                  bool is_published) {
  for (const Step& step : steps) {
    const bool moves = step.act == Act::Take || is_published;
    const std::string temporary = moves ? step.temporary : before_moves(steps, step.temporary);
    for (const std::string& name : {temporary, temporary + kFormer}) {
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
      if (known == stamps.end()) continue;
      layer::BaseStamp before = known->second;
      before.ctime_seconds = now.ctime_seconds;
      before.ctime_nanoseconds = now.ctime_nanoseconds;
      if (layer::is_same(before, now)) text += layer::encode_stamp(now, path);
    }
  }
  return text;
}

Result<std::string> stamps_after(const Target& target, const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) {
    if (step.act == Act::Take) continue;
    // A moved directory is itself only.
    const bool is_moved = step.act == Act::Put && !step.old_path.empty() && !step.replaced;
    if (step.act == Act::Put && !is_moved) {
      TRY(add_stamps(target, step.path, text));
    } else {
      text += layer::encode_stamp(layer::stamp_of(TRY(target.stat(step.path))), step.path);
    }
  }
  return text;
}

}  // namespace overpass::apply
