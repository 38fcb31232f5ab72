// SPDX-License-Identifier: MIT
//
// `overpass rebase`: the changes of a sandbox over another directory, or over the outside as it has
// become.

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "apply/base_stamps.h"
#include "base/nearest.h"
#include "changes/layers.h"
#include "changes/list.h"
#include "cli/apply_call.h"
#include "cli/commands.h"
#include "cli/diff_target.h"
#include "cli/snapshot_watch.h"
#include "layer/bases_of_layers.h"
#include "layer/remove_tree.h"
#include "sandbox/layer_store.h"
#include "sandbox/unions.h"
#include "snapshots/history.h"
#include "snapshots/rebased_upper.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using sandbox::FileSystem;

constexpr command_line::Flag kFlags[] = {
    {"--lower", '\0', "[AT=]DIR", "over DIR, instead of what is at AT",
     command_line::Value::Directory},
    {"--dry-run", 'n', "", "only show what is in the way"},
    {"--force", '\0', "", "also where the changes hide what is newer"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass rebase try1", "The outside has changed meanwhile."},
    {"overpass rebase try1 --lower ~/project-2.0", "The same changes over another directory."},
};

/// What --lower says.
struct NewLower {
  std::string at;         ///< Empty if it does not say where.
  std::string directory;  ///< Absolute, free of symbolic links.
};

Expected<std::optional<NewLower>> lower_of(const ParsedArguments& parsed) {
  std::optional<NewLower> lower;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name != "--lower") continue;
    lower = NewLower{"", flag.value};
    const size_t cut = flag.value.find('=');
    if (cut != std::string::npos && flag.value.starts_with('/')) {
      lower = NewLower{flag.value.substr(0, cut), flag.value.substr(cut + 1)};
    }
    std::error_code error;
    const fs::path real = fs::canonical(lower->directory, error);
    if (error || !fs::is_directory(real, error)) {
      return problem(in_quotes(lower->directory) + " is no directory that can be used",
                     "name one that is there");
    }
    lower->directory = real.string();
  }
  return lower;
}

/// One would show the sandboxes themselves, with what they change.
Expected<void> check_apart(const HeldSandbox& held, const NewLower& lower) {
  const std::string store = held.sandbox.store();
  const bool is_apart = !sandbox::is_at_or_below(store, lower.directory) &&
                        !sandbox::is_at_or_below(lower.directory, store);
  if (is_apart) return {};
  return problem(in_quotes(lower.directory) + " has the store of all sandboxes in it, or is in it",
                 "name another directory");
}

/// The file system of the record that --lower is about.
Expected<size_t> find_place(const HeldSandbox& held, const NewLower& lower) {
  std::vector<size_t> found;
  std::string places;
  for (size_t i = 0; i < held.record.file_systems.size(); ++i) {
    const FileSystem& one = held.record.file_systems[i];
    const bool is_meant =
        lower.at.empty()
            ? !one.layers.empty() || snapshots::is_changed(held.sandbox, held.record, one)
            : one.at == lower.at;
    if (!is_meant) continue;
    found.push_back(i);
    places += " " + one.at;
  }
  if (found.size() == 1) return found.front();
  // What was mounted there before is another file system.
  std::erase_if(found, [&](size_t i) { return !held.record.file_systems[i].is_there(); });
  if (found.size() == 1) return found.front();
  return problem(places.empty() ? held.sandbox.name() + " has changed nothing " +
                                      (lower.at.empty() ? "" : "at " + in_quotes(lower.at))
                                : held.sandbox.name() + " has changes at:" + places,
                 "say --lower AT=DIR, with one of its file systems");
}

/// A file system whose changes get another lower.
struct Rebase {
  FileSystem former;
  FileSystem next;
};

class Rebasing {
 public:
  Rebasing(Context& context, HeldSandbox& held)
      : held_(held),
        record_(held.record),
        watch_(interruptible_watch(context, "directories done")) {}
  Rebasing(const Rebasing&) = delete;
  Rebasing& operator=(const Rebasing&) = delete;

  /// What no record names goes.
  ~Rebasing() {
    if (is_committed_) return;
    for (const uint32_t number : made_) {
      (void)layer::remove_tree(held_.sandbox.directory(), std::to_string(number).c_str());
    }
  }

  Expected<void> link_names() { return snapshots::link_all_indexed_names(held_, watch_); }

  /// Makes the changes of one file system anew, over `lower`. Conflicts are added.
  Expected<void> put(size_t index, const std::string& lower) {
    const FileSystem former = record_.file_systems[index];
    auto made = snapshots::rebase_upper(held_.sandbox, record_, former, lower, watch_);
    if (!made) return std::unexpected(made.error());
    made_.push_back(made->directory);
    FileSystem& next = record_.file_systems[index];
    // Snapshots of it were taken over the former lower.
    record_.forget_layers(former.layers);
    next.directory = made->directory;
    next.layers.clear();
    next.moving = 0;
    next.lower = lower == former.at ? "" : lower;
    next.identity = sandbox::file_system_identity(lower);
    if (auto ready = sandbox::make_layers(held_.sandbox, next, lower); !ready) return ready;
    for (const std::string& lost : made->lost) {
      conflicts_.push_back({"/" + placed(without_slashes(next.at), lost),
                            "was moved in the sandbox, and is not there any more"});
    }
    return compare_with_base(former, next);
  }

  const std::vector<apply::Conflict>& conflicts() const { return conflicts_; }

  Expected<void> commit() {
    held_.record = record_;
    is_committed_ = true;
    auto done = snapshots::commit(held_);
    if (done) sandbox::collect_layers(held_.sandbox.store());
    return done;
  }

 private:
  Expected<apply::Stamps> known_stamps(const FileSystem& former, const std::string& lower) const {
    auto stamps = layer::decode_stamps(former.read_base(held_.sandbox));
    if (former.base() == lower && former.is_there()) return stamps;
    const bool has_former = former.base() != lower && former.is_there();
    return apply::stamps_in(stamps, has_former ? former.base() : "", lower);
  }

  Expected<void> compare_with_base(const FileSystem& former, const FileSystem& next) {
    layer::LayerPaths paths;
    paths.lower = {next.base()};
    paths.upper = next.upper(held_.sandbox);
    paths.work = next.work(held_.sandbox);
    auto layers = changes::open_layers(paths);
    if (!layers) return std::unexpected(layers.error());
    auto list = changes::read_list(*layers, {.is_stopped = watch_.is_stopped});
    if (!list) return cannot_read(next, list.error());
    const std::string place = without_slashes(next.at);
    if (auto read = check_read(*list, place); !read) return read;
    auto stamps = known_stamps(former, next.base());
    if (!stamps) return std::unexpected(stamps.error());
    auto target = apply::Target::open(next.base());
    if (!target) return cannot_read(next, target.error());
    const auto text = apply::stamps_of_base(*target, *list);
    if (!text) return cannot_read(next, text.error());
    if (auto noted = write_stamps(next, *text); !noted) return noted;
    if (record_.keeps_bases) {
      layer::keep_bases(next.homes(held_.sandbox).front(), next.base(),
                        layer::decode_stamps(*text));
    }
    std::vector<apply::Part> parts;
    parts.push_back({.place = place,
                     .directory = next.directory,
                     .layers = std::move(*layers),
                     .target = std::move(*target),
                     .all = *list,
                     .selected = std::move(*list),
                     .is_whole = true,
                     .stamps = std::move(*stamps),
                     .gives_owner = !record_.has_one_owner});
    const auto prospect = apply::look_ahead(parts, apply::new_id(), {.is_read_only = true});
    conflicts_.insert(conflicts_.end(), prospect.conflicts.begin(), prospect.conflicts.end());
    return {};
  }

  Expected<void> write_stamps(const FileSystem& next, const std::string& text) const {
    const auto write = [&]() -> Result<void> {
      const UniqueFd file = TRY(sys::open_file_for_appending(next.base_log(held_.sandbox).c_str()));
      return text.empty() ? Result<void>() : sys::write_message(file, text);
    };
    const auto written = write();
    return written ? Expected<void>() : cannot_read(next, written.error());
  }

  static std::unexpected<Problem> cannot_read(const FileSystem& next, Errno error) {
    if (error == Errno{ECANCELED}) return problem("interrupted; nothing has been changed");
    return problem("the changes cannot be compared with " + in_quotes(next.base()) + ": " +
                       std::strerror(to_int(error)),
                   "make room or correct the permissions; nothing has been changed");
  }

  HeldSandbox& held_;
  sandbox::Record record_;
  const snapshots::Watch watch_;
  std::vector<apply::Conflict> conflicts_;
  std::vector<uint32_t> made_;
  bool is_committed_ = false;
};

/// Puts what is meant over its lower.
Expected<void> put_all(Context& context, const HeldSandbox& held,
                       const std::optional<NewLower>& lower, Rebasing& rebasing) {
  if (auto linked = rebasing.link_names(); !linked) return linked;
  if (lower) {
    const auto index = find_place(held, *lower);
    if (!index) return std::unexpected(index.error());
    if (lower->directory != held.record.file_systems[*index].at) {
      if (auto apart = check_apart(held, *lower); !apart) return apart;
    }
    return rebasing.put(*index, lower->directory);
  }
  for (size_t i = 0; i < held.record.file_systems.size(); ++i) {
    const FileSystem& one = held.record.file_systems[i];
    if (!one.is_there()) {
      context.err << "overpass: " << in_quotes(one.base())
                  << " is not what the changes were made over; they stay as they are (--lower "
                  << one.at << "=DIR puts them over another directory)\n";
      continue;
    }
    if (auto put = rebasing.put(i, one.base()); !put) return put;
  }
  return {};
}

int tell(Context& context, const ParsedArguments& parsed, Rebasing& rebasing) {
  for (const apply::Conflict& conflict : rebasing.conflicts()) {
    context.err << "conflict: " << in_quotes(conflict.path) << " " << conflict.reason << "\n";
  }
  const bool is_refused = !rebasing.conflicts().empty() && !parsed.has("--force");
  if (is_refused) {
    return fail_with(context,
                     {"nothing has been changed",
                      "discard what is not wanted, or say --force for the sandbox's side"},
                     kApplyConflicts);
  }
  if (parsed.has("--dry-run")) return kApplyDone;
  const auto done = rebasing.commit();
  return done ? static_cast<int>(kApplyDone) : fail_with(context, done.error(), kApplyImpossible);
}

}  // namespace

constexpr command_line::Command kRebaseCommand = {
    .name = "rebase",
    .synopsis = "overpass rebase [--lower [AT=]DIR] [--force] [--dry-run] NAME",
    .summary = "put the changes of a sandbox over a newer base",
    .description =
        "Without --lower over the outside as it is now. What hides newer files is listed, and\n"
        "nothing is changed then.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help rebase",
};

int run_rebase(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(context, {"rebase needs the NAME of one sandbox", "'overpass list' shows all"},
                     kApplyUsage);
  }
  const auto lower = lower_of(parsed);
  if (!lower) return fail_with(context, lower.error(), kApplyImpossible);
  auto held = hold_settled(parsed.operands.front());
  if (!held) return fail_with(context, held.error(), kApplyImpossible);
  Rebasing rebasing(context, *held);
  const auto put = put_all(context, *held, *lower, rebasing);
  end_progress(context);
  if (!put) return fail_with(context, put.error(), kApplyImpossible);
  return tell(context, parsed, rebasing);
}

}  // namespace overpass::cli
