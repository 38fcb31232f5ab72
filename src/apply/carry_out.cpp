// SPDX-License-Identifier: MIT

#include "apply/carry_out.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <ctime>

#include "apply/copy_object.h"
#include "apply/kept_layer.h"
#include "apply/own_texts.h"
#include "apply/prepare.h"
#include "apply/publish.h"
#include "apply/restamp.h"
#include "base/nearest.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/origin.h"
#include "layer/remove_tree.h"
#include "sandbox/record.h"
#include "sys/file_handle.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::apply {

namespace {

using sandbox::Sandbox;

constexpr char kUnderWay[] = "apply";
constexpr char kUndo[] = "undo";
constexpr char kRedo[] = "redo";
constexpr char kUpper[] = "upper";
constexpr char kBase[] = "base";

std::unexpected<Problem> cannot(const std::string& what, Errno error) {
  return problem(what + ": " + std::strerror(to_int(error)),
                 "make room or correct the permissions");
}

std::string absolute(const Part& part, const std::string& path) {
  return "/" + (part.place.empty() ? path : check::joined(part.place, path));
}

/// The changes as somebody reads them who asks what will be lost.
void note_losses(const Part& part, changes::View& after, const Plan& plan,
                 std::vector<std::string>& losses) {
  const CopyOptions options = {.gives_owner = part.gives_owner};
  for (const PlannedStep& planned : plan.steps) {
    if (planned.step.act == Act::Take) continue;
    for (const changes::Change* change : planned.changes) {
      if (change->kind == changes::Kind::Renamed || !change->after) continue;
      const std::string words = not_given(after, *change->after, options);
      if (!words.empty()) losses.push_back(absolute(part, change->path) + ": " + words);
    }
  }
}

/// The directory of an apply that is under way.
class Undertaking {
 public:
  explicit Undertaking(const Sandbox& sandbox) : sandbox_(sandbox) {}

  Result<void> open() {
    directory_ = TRY(sys::open_at(sandbox_.directory(), kUnderWay, O_RDONLY | O_DIRECTORY));
    return {};
  }

  Result<void> make() {
    TRY(sys::make_directory(sandbox_.directory(), kUnderWay, 0700));
    return open();
  }

  BorrowedFd fd() const { return directory_; }

  Result<UniqueFd> part(uint32_t number) const {
    return sys::open_at(directory_, std::to_string(number).c_str(), O_RDONLY | O_DIRECTORY);
  }

  Expected<void> write(const Journal& journal) const {
    if (const auto written = write_journal(directory_, journal); !written) {
      return cannot("the journal cannot be written", written.error());
    }
    return {};
  }

  Expected<void> sync() const {
    const auto synced = sys::sync_file_system(directory_);
    if (!synced) return cannot("what is replaced cannot be written out", synced.error());
    return {};
  }

  void remove() const { (void)layer::remove_tree(sandbox_.directory(), kUnderWay); }

 private:
  const Sandbox& sandbox_;
  UniqueFd directory_;
};

/// The target, if what is mounted there is what it was.
Expected<Target> open_target(const JournalPart& part) {
  auto target = Target::open(part.target);
  if (!target) return cannot(in_quotes(part.target) + " cannot be opened", target.error());
  if (sandbox::file_system_identity(part.target) != part.identity) {
    return problem("another file system is mounted at " + in_quotes(part.target) + ", or none",
                   "mount what was there");
  }
  return std::move(*target);
}

/// Before names have changed nothing but temporary names is there.
Expected<void> take_back_all(const Journal& journal) {
  Expected<void> result;
  for (const JournalPart& part : journal.parts) {
    const auto target = open_target(part);
    if (!target) return std::unexpected(target.error());
    Expected<void> done;
    if (journal.phase != Phase::Preparing) done = take_back(*target, part.steps);
    if (done) done = remove_temporaries(*target, part.steps, /*is_published=*/false);
    if (!done && result) result = done;
  }
  return result;
}

Result<UniqueFd> make_kept_root(const Undertaking& under_way, const Part& part) {
  const std::string number = std::to_string(part.directory);
  TRY(sys::make_directory(under_way.fd(), number.c_str(), 0700));
  const UniqueFd directory = TRY(under_way.part(part.directory));
  return sys::make_and_open_directory(directory, kUpper, 0755);
}

/// What a later undo compares with.
Result<void> write_stamps(const Undertaking& under_way, const JournalPart& part) {
  const Target target = TRY(Target::open(part.target));
  const std::string text = TRY(stamps_after(target, part.steps));
  const UniqueFd directory = TRY(under_way.part(part.directory));
  const UniqueFd file =
      TRY(sys::open_at(directory, kBase, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  TRY(sys::write_text(file, text));
  return sys::sync_file(file);
}

Expected<void> sync_targets(const Journal& journal) {
  for (const JournalPart& part : journal.parts) {
    const auto target = Target::open(part.target);
    const auto synced =
        target ? sys::sync_file_system(target->root()) : Result<void>(fail(target.error()));
    if (!synced) return cannot(in_quotes(part.target) + " cannot be written out", synced.error());
  }
  return {};
}

/// What is undone goes. An interruption leaves this apply to be finished.
Result<void> remove_source(const Sandbox& sandbox, const Journal& journal) {
  if (journal.source.empty()) return {};
  const std::string above(changes::parent_of(journal.source));
  const UniqueFd directory =
      TRY(sys::open_at(sandbox.directory(), above.c_str(), O_RDONLY | O_DIRECTORY));
  const std::string name(changes::name_of(journal.source));
  const auto removed = layer::remove_tree(directory, name.c_str());
  return removed.failed_with(ENOENT) ? Result<void>() : removed;
}

Result<void> put_away(const Sandbox& sandbox, const Journal& journal) {
  // What could be redone was made over another state.
  if (journal.kind == Kind::Apply) (void)layer::remove_tree(sandbox.directory(), kRedo);
  const char* stack = journal.kind == Kind::Undo ? kRedo : kUndo;
  TRY(sandbox.make_directory(stack, 0700));
  const UniqueFd parent = TRY(sys::open_at(sandbox.directory(), stack, O_RDONLY | O_DIRECTORY));
  return sys::rename({sandbox.directory(), kUnderWay}, {parent, journal.id.c_str()});
}

/// The steps are carried out forwards from wherever they are.
Expected<void> publish_all(const Journal& journal) {
  for (const JournalPart& part : journal.parts) {
    const auto target = open_target(part);
    if (!target) return std::unexpected(target.error());
    if (auto done = publish(*target, part.steps); !done) return done;
  }
  for (const JournalPart& part : journal.parts) {
    const auto target = open_target(part);
    if (!target) return std::unexpected(target.error());
    if (auto kept = check_kept(*target, part.steps); !kept) return kept;
  }
  return sync_targets(journal);
}

/// From Published on.
Expected<void> conclude(const Sandbox& sandbox, const Undertaking& under_way,
                        const Journal& journal,
                        const std::function<Expected<void>(const JournalPart&)>& drop) {
  // First, since what is noted of the new files when they are dropped has their ctime.
  for (const JournalPart& part : journal.parts) {
    const auto target = open_target(part);
    if (!target) return std::unexpected(target.error());
    if (auto removed = remove_temporaries(*target, part.steps, true); !removed) return removed;
  }
  for (const JournalPart& part : journal.parts) {
    if (part.dropped.is_empty() && part.partly.empty()) continue;
    if (auto dropped = drop(part); !dropped) return dropped;
  }
  const auto taken = take_own_texts(sandbox.directory(), journal.source, under_way.fd());
  if (!taken) return cannot("the sandbox's own of merged texts cannot be kept", taken.error());
  if (const auto removed = remove_source(sandbox, journal); !removed) {
    return cannot("what was undone cannot be removed", removed.error());
  }
  // Now that no other name of the new files goes, which would change their ctime.
  for (const JournalPart& part : journal.parts) {
    if (const auto written = write_stamps(under_way, part); !written) {
      return cannot("what was applied cannot be noted", written.error());
    }
  }
  if (journal.kind != Kind::Apply) restamp(sandbox, journal);
  if (const auto put = put_away(sandbox, journal); !put) {
    return cannot("what was replaced cannot be put away", put.error());
  }
  return {};
}

Journal journal_of(const std::vector<Part>& parts, const Prospect& prospect, const Call& call) {
  Journal journal = {.kind = call.kind,
                     .id = call.id,
                     .created = sandbox::time_text(),
                     .summary = call.summary,
                     .source = call.source,
                     .paths = call.paths,
                     .is_picked = call.is_picked,
                     .merges = call.merges};
  for (size_t i = 0; i < parts.size(); ++i) {
    JournalPart part = {.directory = parts[i].directory,
                        .target = parts[i].target.path(),
                        .gives_owner = parts[i].gives_owner,
                        .identity = sandbox::file_system_identity(parts[i].target.path()),
                        .frozen = parts[i].frozen,
                        .is_taken = parts[i].is_taken,
                        .thinned = parts[i].thinned};
    for (const PlannedStep& planned : prospect.plans[i].steps) part.steps.push_back(planned.step);
    part.is_whole = call.drops && parts[i].is_whole;
    if (call.drops) {
      part.dropped = prospect.plans[i].dropped;
      for (const auto& [path, edited] : parts[i].edited) {
        (edited.is_merged ? part.merged : part.partly).push_back(path);
      }
    }
    journal.parts.push_back(std::move(part));
  }
  return journal;
}

/// Whether a file can be renamed from one directory to the other.
bool are_on_one_mount(BorrowedFd one, BorrowedFd other) {
  const auto first = sys::stat_without_asking(one);
  const auto second = sys::stat_without_asking(other);
  if (!first || !second || sys::device_of(*first) != sys::device_of(*second)) return false;
  const auto first_mount = sys::unique_mount_id(*first);
  return first_mount && first_mount == sys::unique_mount_id(*second);
}

Expected<void> prepare_all(const Undertaking& under_way, std::vector<Part>& parts,
                           Prospect& prospect, const Call& call) {
  for (size_t i = 0; i < parts.size(); ++i) {
    Part& part = parts[i];
    auto root = make_kept_root(under_way, part);
    if (!root) return cannot("what is replaced cannot be kept", root.error());
    UniqueFd used_up;
    if (call.kind != Kind::Apply) {
      auto upper = sys::open_path(part.layers.upper().path.c_str(), O_PATH | O_DIRECTORY);
      if (upper) used_up = std::move(*upper);
    }
    const bool is_same_mount = are_on_one_mount(*root, part.target.root());
    changes::View before(part.layers, part.changing_layers);
    changes::View after(part.layers, layer::kUpper);
    KeptLayer kept(before, std::move(*root), part.layers.prefix);
    if (is_same_mount) kept.link_from(part.target);
    const Preparation preparation = {.before = before,
                                     .after = after,
                                     .kept = kept,
                                     .all = part.all,
                                     .changing_layers = part.changing_layers,
                                     .used_up = used_up,
                                     .edited = part.edited,
                                     .gives_owner = part.gives_owner,
                                     .progress = call.progress};
    if (auto done = prepare(part.target, prospect.plans[i], preparation); !done) return done;
    const Taken taken = {.place = part.place,
                         .changes = part.selected,
                         .edited = part.edited,
                         .gives_owner = part.gives_owner};
    if (auto own = keep_own_texts(taken, after, under_way.fd()); !own) {
      return cannot("the sandbox's own of a merged text cannot be kept", own.error());
    }
  }
  return {};
}

/// What was prepared, and the question before, took time.
Expected<void> check_again(std::vector<Part>& parts, Prospect& prospect, const Call& call) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const CheckOptions options = {.is_forced = call.is_forced, .ignores_ctime = true};
    const auto conflicts = check_base(parts[i].target, prospect.plans[i], parts[i].stamps, options);
    if (conflicts.empty()) continue;
    return problem(in_quotes(absolute(parts[i], conflicts.front().path)) +
                       " has just changed: it " + conflicts.front().reason,
                   "nothing has been applied; try again");
  }
  return {};
}

/// Whether the upper's file is a copy of the lower's.
bool is_copy(changes::View& after, const changes::Change& change) {
  const auto place_in = [&](const changes::Place& file, std::string& name) -> Result<sys::Place> {
    const BorrowedFd directory = TRY(after.directory(file.layer, changes::parent_of(file.path)));
    name = changes::name_of(file.path);
    return sys::Place{directory, name.c_str()};
  };
  std::string lower_name;
  std::string upper_name;
  const auto lower = place_in(*change.before->file, lower_name);
  const auto upper = place_in(*change.after->file, upper_name);
  if (!lower || !upper) return false;
  const char* mark = layer::name_of(layer::Mark::Origin, after.layers().prefix);
  const auto value = sys::get_xattr(*upper, mark);
  const auto origin = value ? layer::decode_origin(*value) : std::nullopt;
  const auto handle = sys::file_handle(*lower);
  return origin && handle && origin->handle == *handle;
}

}  // namespace

Plan plan_of(const Part& part, const std::string& id) {
  changes::View after(part.layers, layer::kUpper);
  Plan plan = make_plan(part.selected, part.all, id,
                        [&](const changes::Change& change) { return is_copy(after, change); });
  for (const auto& [path, edited] : part.edited) {
    if (!edited.is_merged) std::erase(plan.dropped.names, path);
    if (!edited.is_there) continue;
    std::erase_if(plan.steps,
                  [&](const PlannedStep& planned) { return planned.step.path == path; });
  }
  return plan;
}

std::string new_id() {
  timespec now = {};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  char text[32];
  (void)std::snprintf(text, sizeof text, "%010lld%03ld", static_cast<long long>(now.tv_sec),
                      now.tv_nsec / 1'000'000);
  return text;
}

Prospect look_ahead(std::vector<Part>& parts, const std::string& id, const CheckOptions& options) {
  Prospect prospect;
  for (Part& part : parts) {
    Plan plan = plan_of(part, id);
    for (Conflict& conflict : check_base(part.target, plan, part.stamps, options)) {
      prospect.conflicts.push_back({absolute(part, conflict.path), std::move(conflict.reason)});
    }
    changes::View after(part.layers, layer::kUpper);
    note_losses(part, after, plan, prospect.losses);
    prospect.plans.push_back(std::move(plan));
  }
  return prospect;
}

Expected<void> carry_out(const Sandbox& sandbox, std::vector<Part>& parts, Prospect& prospect,
                         const Call& call) {
  Undertaking under_way(sandbox);
  if (const auto made = under_way.make(); !made) {
    return cannot("the directory of the apply cannot be made", made.error());
  }
  Journal journal = journal_of(parts, prospect, call);
  auto done = under_way.write(journal);
  if (done) done = prepare_all(under_way, parts, prospect, call);
  if (done) done = check_again(parts, prospect, call);
  if (done) done = sync_targets(journal);
  // What was kept there, if that is on another file system.
  if (done) done = under_way.sync();
  if (done) {
    journal = journal_of(parts, prospect, call);
    journal.phase = Phase::Publishing;
    done = under_way.write(journal);
  }
  if (done) done = publish_all(journal);
  if (!done) {
    if (auto undone = take_back_all(journal); !undone) return undone;
    // The journal must not go before what it tells of is undone on the disk.
    if (auto synced = sync_targets(journal); !synced) return synced;
    under_way.remove();
    stamp_again(sandbox, journal);
    return done;
  }
  journal.phase = Phase::Published;
  if (auto written = under_way.write(journal); !written) return written;
  return conclude(sandbox, under_way, journal, call.drop);
}

Expected<std::optional<Journal>> find_interrupted(const Sandbox& sandbox) {
  Undertaking under_way(sandbox);
  const auto opened = under_way.open();
  if (opened.failed_with(ENOENT)) return std::nullopt;
  auto journal = opened ? read_journal(under_way.fd()) : Result<Journal>(fail(opened.error()));
  if (journal) return std::move(*journal);
  if (journal.failed_with(ENOENT)) {  // It had not begun.
    under_way.remove();
    return std::nullopt;
  }
  return problem(in_quotes(sandbox.path() + "/" + kUnderWay) +
                     " cannot be read: " + std::strerror(to_int(journal.error())),
                 "it belongs to an apply that was interrupted; look into it");
}

Expected<void> check_not_interrupted(const Sandbox& sandbox) {
  const auto found = find_interrupted(sandbox);
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  return problem("an apply of " + in_quotes(sandbox.name()) + " was interrupted",
                 "'overpass apply " + sandbox.name() +
                     " --continue' finishes it, with --abort it is taken back");
}

Expected<void> finish(const Sandbox& sandbox, Journal journal,
                      const std::function<Expected<void>(const JournalPart&)>& drop) {
  Undertaking under_way(sandbox);
  if (const auto opened = under_way.open(); !opened) {
    return cannot("the directory of the apply cannot be opened", opened.error());
  }
  if (journal.phase == Phase::Publishing) {
    if (auto done = publish_all(journal); !done) return done;
    journal.phase = Phase::Published;
    if (auto written = under_way.write(journal); !written) return written;
  }
  return conclude(sandbox, under_way, journal, drop);
}

Expected<void> abandon(const Sandbox& sandbox, const Journal& journal) {
  if (auto undone = take_back_all(journal); !undone) return undone;
  if (auto synced = sync_targets(journal); !synced) return synced;
  Undertaking(sandbox).remove();
  stamp_again(sandbox, journal);
  return {};
}

bool has_kept(const Sandbox& sandbox) {
  for (const char* stack : {kUndo, kRedo}) {
    const auto parent = sys::open_at(sandbox.directory(), stack, O_RDONLY | O_DIRECTORY);
    if (parent.failed_with(ENOENT)) continue;
    const auto names = parent ? check::names_in(*parent) : fail(parent.error());
    if (!names || !names->empty()) return true;
  }
  return false;
}

std::vector<Done> find_done(const Sandbox& sandbox, const std::string& stack) {
  std::vector<Done> found;
  const auto parent = sys::open_at(sandbox.directory(), stack.c_str(), O_RDONLY | O_DIRECTORY);
  if (!parent) return found;
  const auto names = check::names_in(*parent);
  if (!names) return found;
  for (const std::string& name : *names) {
    const auto directory = sys::open_at(*parent, name.c_str(), O_RDONLY | O_DIRECTORY);
    auto journal = directory ? read_journal(*directory) : Result<Journal>(fail(ENOENT));
    if (journal) found.push_back({check::joined(stack, name), std::move(*journal)});
  }
  return found;
}

}  // namespace overpass::apply
