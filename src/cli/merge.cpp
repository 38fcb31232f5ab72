// SPDX-License-Identifier: MIT

#include "cli/merge.h"

#include <sys/stat.h>

#include <cstring>
#include <expected>
#include <optional>
#include <set>

#include "apply/hunks.h"
#include "base/nearest.h"
#include "changes/view.h"
#include "cli/diff_target.h"
#include "cli/three_ways.h"
#include "layer/bases_of_layers.h"
#include "layer/kept_base.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

using apply::Part;
using changes::Change;
using changes::Kind;

/// Whether it is merged, or why it is not.
struct Outcome {
  std::string obstacle;  ///< Empty if it is merged, or overlaps.
  bool overlaps = false;
};

Outcome obstacle(std::string text) { return {std::move(text), false}; }

/// Why a change of this kind is not merged; empty if it may be.
std::string obstacle_of_kind(const Change& change) {
  switch (change.kind) {
    case Kind::Deleted:
      return "the sandbox has deleted it";
    case Kind::Added:
      return "it is new in the sandbox";
    case Kind::Renamed:
      return "the sandbox has renamed it";
    case Kind::TypeChanged:
      return "the sandbox has another kind of file there";
    case Kind::Modified:
      break;
  }
  const auto& before = change.before->file;
  const auto& after = change.after->file;
  if (!before || !after || !S_ISREG(before->stat.stx_mode) || !S_ISREG(after->stat.stx_mode)) {
    return "it is no regular file";
  }
  if (!change.differs.content) return "its content is the same, and only its attributes differ";
  if (before->stat.stx_nlink > 1 || after->stat.stx_nlink > 1) return "it has several names";
  return "";
}

class Merger {
 public:
  Merger(const snapshots::HeldSandbox& held, Part& part, const ThreeWayMerge& tool, Merge& merge)
      : held_(held),
        part_(part),
        tool_(tool),
        merge_(merge),
        before_(part.layers, part.changing_layers),
        after_(part.layers, layer::kUpper) {
    for (const sandbox::FileSystem& one : held.record.file_systems) {
      if (one.directory == part.directory) homes_ = one.homes(held.sandbox);
    }
  }

  Expected<void> run() {
    std::set<const Change*> wanted;
    for (const Change& change : part_.selected.changes) {
      auto outcome = take(change);
      if (!outcome) return std::unexpected(outcome.error());
      if (!outcome->obstacle.empty()) {
        const std::string& path = change.old_path.empty() ? change.path : change.old_path;
        merge_.obstacles.emplace(shown(path), std::move(outcome->obstacle));
      }
      if (!outcome->overlaps) wanted.insert(&change);
    }
    if (wanted.size() == part_.selected.changes.size()) return {};
    part_.selected = apply::take(part_.selected, std::move(wanted));
    part_.is_whole = false;
    return {};
  }

 private:
  std::string shown(const std::string& path) const { return "/" + placed(part_.place, path); }

  Expected<Outcome> take(const Change& change) {
    const std::string& path = change.old_path.empty() ? change.path : change.old_path;
    const auto now = part_.target.stat(path);
    const auto stamp = part_.stamps.find(path);
    const bool is_known = stamp != part_.stamps.end();
    if (is_known && now && layer::is_same(stamp->second, layer::stamp_of(*now))) return Outcome{};
    if (is_known && !now) return obstacle("there is nothing to merge it with");
    if (std::string found = obstacle_of_kind(change); !found.empty()) return obstacle(found);
    if (!is_known || !now) return obstacle("what both sides began with is not known");
    auto base = base_of(stamp->second);
    if (!base) return obstacle(base.error());
    auto outside = text_of(before_, *change.before);
    auto sandbox = text_of(after_, *change.after);
    if (!outside || !sandbox)
      return cannot_read(change, outside ? sandbox.error() : outside.error());
    if (!apply::is_text(*base) || !*outside || !*sandbox) return obstacle("it is no text");
    const auto still = part_.target.stat(change.old_path);
    const bool has_stayed = still && layer::stamp_of(*still) == layer::stamp_of(*now) &&
                            change.before->file->stat.stx_ino == now->stx_ino;
    if (!has_stayed) return obstacle("it is just being changed");
    return merge(change, stamp->second, *now, {*base, **outside, **sandbox});
  }

  /// The bytes that both sides began with, or why they are not there.
  std::expected<std::string, std::string> base_of(const layer::BaseStamp& stamp) const {
    const auto none = [](std::string why) { return std::unexpected(std::move(why)); };
    if (!S_ISREG(stamp.mode)) return none("it was another kind of file");
    auto base = layer::find_base(homes_, stamp);
    if (base) return std::move(*base);
    if (!held_.record.keeps_bases) {
      return none("the sandbox does not keep what it changes as it was (run --keep-bases)");
    }
    if (!layer::has_base(stamp)) return none("it was larger than 1 MiB, so it was not kept");
    return none("it was not kept as it was");
  }

  /// Nothing if it is no text.
  static Result<std::optional<std::string>> text_of(changes::View& view,
                                                    const changes::Found& found) {
    if (!found.data || found.data->stat.stx_size > apply::kLongestText) {
      return std::optional<std::string>();
    }
    std::string content = TRY(sys::read_to_end(TRY(view.open_file(*found.data))));
    if (!apply::is_text(content)) return std::optional<std::string>();
    return std::optional(std::move(content));
  }

  std::unexpected<Problem> cannot_read(const Change& change, Errno error) const {
    return problem(
        in_quotes(shown(change.old_path)) + " cannot be read: " + std::strerror(to_int(error)),
        "correct the permissions, or name the paths that are wanted");
  }

  /// Whether the merged file gets the attributes of the sandbox's; or why that cannot be told.
  static std::expected<bool, std::string> takes_attributes(const Change& change,
                                                           const layer::BaseStamp& stamp,
                                                           const sys::Stat& now) {
    if (change.differs.owner || change.differs.xattrs) {
      return std::unexpected(
          "its owner or its attributes differ as well, and what they were is not known");
    }
    if (!change.differs.mode) return false;
    const mode_t sandbox = change.after->file->stat.stx_mode;
    if (stamp.mode == now.stx_mode) return true;
    if (stamp.mode == sandbox) return false;
    return std::unexpected("its mode was changed on both sides, too");
  }

  bool is_in_renamed(const Change& change) const { return change.path != change.old_path; }

  Expected<Outcome> merge(const Change& change, const layer::BaseStamp& stamp, const sys::Stat& now,
                          const ThreeTexts& texts) {
    const auto takes = takes_attributes(change, stamp, now);
    if (!takes) return obstacle(takes.error());
    auto merged = tool_.merge(texts);
    if (!merged) return std::unexpected(merged.error());
    if (merged->has_conflicts && is_in_renamed(change)) {
      return obstacle(
          "both sides have changed the same lines of it, and its directory was renamed");
    }
    if (merged->has_conflicts) {
      const unsigned mode = now.stx_mode & change.after->file->stat.stx_mode & 0777;
      merge_.overlaps.push_back({.shown = shown(change.old_path),
                                 .target = part_.target.path(),
                                 .path = change.old_path,
                                 .content = std::move(merged->content),
                                 .mode = mode,
                                 .read = layer::stamp_of(now),
                                 .uid = now.stx_uid,
                                 .gid = now.stx_gid});
      return Outcome{.obstacle = {}, .overlaps = true};
    }
    // From here on it is over the outside as it is now.
    part_.stamps[change.old_path] = layer::stamp_of(now);
    const bool is_there = !*takes && merged->content == texts.outside;
    part_.edited.emplace(change.path, apply::EditedFile{.content = std::move(merged->content),
                                                        .has_new_attributes = *takes,
                                                        .origin = layer::stamp_of(now),
                                                        .is_merged = true,
                                                        .is_there = is_there});
    merge_.merged.push_back(shown(change.old_path));
    return Outcome{};
  }

  const snapshots::HeldSandbox& held_;
  Part& part_;
  const ThreeWayMerge& tool_;
  Merge& merge_;
  changes::View before_, after_;
  std::vector<std::string> homes_;
};

}  // namespace

Expected<Merge> merge_texts(const snapshots::HeldSandbox& held, std::vector<Part>& parts) {
  const auto tool = ThreeWayMerge::begin(held.sandbox.name());
  if (!tool) return std::unexpected(tool.error());
  Merge merge;
  for (Part& part : parts) {
    if (auto done = Merger(held, part, *tool, merge).run(); !done) {
      return std::unexpected(done.error());
    }
  }
  std::erase_if(parts, [](const Part& part) { return part.selected.changes.empty(); });
  return merge;
}

void explain_conflicts(std::vector<apply::Conflict>& conflicts, const Merge& merge) {
  for (apply::Conflict& conflict : conflicts) {
    const auto found = merge.obstacles.find(conflict.path);
    if (found != merge.obstacles.end()) {
      conflict.reason += ", and cannot be merged: " + found->second;
    }
  }
}

void tell_merge(Context& context, const Merge& merge) {
  for (const std::string& path : merge.merged) {
    context.err << "merged with what is outside: " << in_quotes(path) << "\n";
  }
  for (const Overlap& overlap : merge.overlaps) {
    context.err << "conflict: " << in_quotes(overlap.shown)
                << " was changed outside in the same lines; it is left out\n";
  }
}

}  // namespace overpass::cli
