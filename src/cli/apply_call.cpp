// SPDX-License-Identifier: MIT

#include "cli/apply_call.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "apply/drop.h"
#include "apply/publish.h"
#include "base/nearest.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/interruption.h"
#include "cli/question.h"
#include "fuse/refresh.h"
#include "sandbox/layer_store.h"
#include "snapshots/history.h"
#include "snapshots/live.h"
#include "sys/children.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using apply::Part;

/// The paths below `place`, from there; nothing if the union is not concerned. `places` are those
/// of all unions: a path belongs to the nearest one.
std::optional<std::vector<std::string>> paths_below(const std::string& place,
                                                    const std::vector<std::string>& places,
                                                    const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    if (apply::is_at_or_below(place, path)) return std::vector<std::string>();
    const bool is_nearer = std::ranges::any_of(places, [&](const std::string& other) {
      return other.size() > place.size() && apply::is_at_or_below(path, other);
    });
    if (is_nearer || !apply::is_at_or_below(path, place)) continue;
    found.push_back(path.substr(place.empty() ? 0 : place.size() + 1));
  }
  if (found.empty()) return std::nullopt;
  return found;
}

Expected<Part> open_part(const HeldSandbox& held, const sandbox::FileSystem& file_system,
                         ComparedUnion compared) {
  auto target = apply::Target::open(file_system.base());
  if (!target) {
    return problem(in_quotes(file_system.base()) +
                       " cannot be opened: " + std::strerror(to_int(target.error())),
                   "correct the permissions");
  }
  Part part = {.place = std::move(compared.place),
               .directory = file_system.directory,
               .layers = std::move(compared.layers),
               .changing_layers = compared.changing_layers,
               .target = std::move(*target),
               .all = std::move(compared.list),
               .selected = {},
               .is_whole = false,
               .stamps = layer::decode_stamps(file_system.read_base(held.sandbox)),
               .gives_owner = !held.record.has_one_owner};
  return part;
}

/// The frozen layers over the outside, without the uppers.
DiffTarget frozen_target_of(const HeldSandbox& held) {
  DiffTarget target = target_of(held.sandbox, held.record);
  std::erase_if(target.unions, [](const PlacedUnion& one) { return one.changing_layers < 2; });
  for (PlacedUnion& one : target.unions) {
    one.layers.upper = one.layers.lower.front();
    one.layers.lower.erase(one.layers.lower.begin());
    --one.changing_layers;
  }
  return target;
}

}  // namespace

Expected<void> freeze_changes(HeldSandbox& held, const ParsedArguments& parsed) {
  if (!held.is_running || parsed.has("--dry-run")) return {};
  if (auto frozen = snapshots::freeze_running(held); !frozen) return frozen;
  return snapshots::hold_directories(held);
}

void show_outside(HeldSandbox& held) {
  if (!held.is_running) return;
  snapshots::release_directories(held);
  sys::pause_for(fuse::kFollowedMs);
}

std::string name_in(const ParsedArguments& parsed) {
  return parsed.operands.empty() ? std::string(sandbox::kLast) : parsed.operands.front();
}

std::vector<std::string> paths_of(const ParsedArguments& parsed) {
  std::vector<std::string> paths;
  for (size_t i = 1; i < parsed.operands.size(); ++i) {
    std::error_code error;
    paths.push_back(
        without_slashes(fs::absolute(parsed.operands[i], error).lexically_normal().string()));
  }
  return paths;
}

Expected<std::vector<Part>> find_parts(const HeldSandbox& held,
                                       const std::vector<std::string>& paths,
                                       const snapshots::Watch& watch, bool is_frozen) {
  if (!held.is_running) {
    auto linked = snapshots::link_all_indexed_names(held, watch);
    if (!linked) return std::unexpected(linked.error());
  }
  const DiffTarget target =
      is_frozen ? frozen_target_of(held) : target_of(held.sandbox, held.record);
  auto unions = compare(target, /*find_renames=*/false);
  if (!unions) return std::unexpected(unions.error());
  std::vector<std::string> places;
  for (const ComparedUnion& one : *unions) places.push_back(one.place);
  std::vector<Part> parts;
  for (ComparedUnion& one : *unions) {
    const sandbox::FileSystem* file_system = find_file_system(held.record, one.place);
    auto wanted =
        paths.empty() ? std::vector<std::string>() : paths_below(one.place, places, paths);
    if (!wanted) continue;
    const auto unread = std::ranges::find_if(one.list.unread, [&](const changes::Unread& found) {
      return wanted->empty() || std::ranges::any_of(*wanted, [&](const std::string& path) {
               return apply::is_at_or_below(found.path, path);
             });
    });
    if (unread != one.list.unread.end()) {
      return problem(in_quotes("/" + placed(one.place, unread->path)) +
                         " cannot be read: " + std::strerror(to_int(unread->error)),
                     "correct the permissions, or name the paths that are wanted");
    }
    if (one.list.changes.empty()) continue;
    auto part = open_part(held, *file_system, std::move(one));
    if (!part) return std::unexpected(part.error());
    if (is_frozen) part->frozen = file_system->layers;
    auto selected = wanted->empty() ? changes::List(part->all) : apply::select(part->all, *wanted);
    if (!selected) return std::unexpected(selected.error());
    if (selected->changes.empty()) continue;
    part->is_whole = wanted->empty();
    part->selected = std::move(*selected);
    parts.push_back(std::move(*part));
  }
  if (parts.empty() && !paths.empty()) {
    return problem("nothing is changed at " + in_quotes("/" + paths.front()),
                   "'overpass diff " + held.sandbox.name() + "' shows what is");
  }
  return parts;
}

changes::List selected_of(const std::vector<Part>& parts) {
  changes::List all;
  for (const Part& part : parts) {
    for (changes::Change change : part.selected.changes) {
      change.path = placed(part.place, change.path);
      change.old_path = placed(part.place, change.old_path);
      all.changes.push_back(std::move(change));
    }
  }
  return all;
}

namespace {

/// A Problem if nobody can be asked.
Expected<bool> is_agreed(Context& context, const ParsedArguments& parsed,
                         const std::string& question) {
  if (parsed.has("--yes")) return true;
  if (!is_on_terminal()) {
    return problem("nobody can be asked: standard input is no terminal", "say --yes, or --dry-run");
  }
  return says_yes(context, question + "?");
}

}  // namespace

std::optional<int> ask(Context& context, const ParsedArguments& parsed, const changes::List& list,
                       const apply::Prospect& prospect, const Question& question) {
  const bool is_trial = parsed.has("--dry-run");
  if (is_trial || !parsed.has("--yes")) {
    print_changes(is_trial ? context.out : context.err, list, {});
  }
  for (const std::string& loss : prospect.losses) {
    context.err << "cannot be kept of " << loss << "\n";
  }
  for (const apply::Conflict& conflict : prospect.conflicts) {
    context.err << "conflict: " << in_quotes(conflict.path) << " " << conflict.reason << "\n";
  }
  if (!prospect.conflicts.empty()) {
    return fail_with(context, {"nothing has been changed", question.remedy}, kApplyConflicts);
  }
  if (is_trial) return kApplyDone;
  const auto agreed = is_agreed(context, parsed, question.text);
  if (!agreed) return fail_with(context, agreed.error(), kApplyUsage);
  return *agreed ? std::nullopt : std::optional<int>(kApplyConflicts);
}

namespace {

/// Everything that the file system changes goes, with its snapshots.
Expected<void> reset(HeldSandbox& held, sandbox::FileSystem& one) {
  held.record.forget_layers(std::exchange(one.layers, {}));
  one.directory = held.record.free_directory();
  auto done = snapshots::commit(held);
  if (done) sandbox::collect_layers(held.sandbox.store());
  return done;
}

/// What the outside is now where steps have changed it.
Result<std::string> stamps_of(const apply::JournalPart& part) {
  const apply::Target target = TRY(apply::Target::open(part.target));
  return apply::stamps_after(target, part.steps);
}

std::unexpected<Problem> not_noted(Errno error) {
  return problem("what was applied cannot be noted: " + std::string(std::strerror(to_int(error))),
                 "make room or correct the permissions");
}

/// Of what was made from frozen layers alone the upper stays: it has what came later.
Expected<void> drop_frozen(HeldSandbox& held, sandbox::FileSystem& one,
                           const apply::JournalPart& part) {
  std::vector<std::string> kept = one.layers;
  if (part.is_whole) {
    std::erase_if(kept, [&](const std::string& id) {
      return std::ranges::find(part.frozen, id) != part.frozen.end();
    });
  }
  const auto stamps = stamps_of(part);
  return stamps ? snapshots::drop_layers(held, one, kept, *stamps) : not_noted(stamps.error());
}

/// What was applied stays in frozen layers, and equals the outside. Changes to come are made over
/// the outside as it is now.
Expected<void> stamp_applied(const HeldSandbox& held, const sandbox::FileSystem& one,
                             const apply::JournalPart& part) {
  const auto stamp = [&]() -> Result<void> {
    const std::string text = TRY(stamps_of(part));
    const UniqueFd file = TRY(sys::open_file_for_appending(one.base_log(held.sandbox).c_str()));
    return text.empty() ? Result<void>() : sys::write_message(file, text);
  };
  const auto stamped = stamp();
  return stamped ? Expected<void>() : not_noted(stamped.error());
}

/// What is in use cannot be moved from one layer to another unseen.
Expected<void> check_running(const HeldSandbox& held, const apply::Part& part, bool is_discarded) {
  const bool has_renamed = part.selected.count(changes::Kind::Renamed) > 0;
  if (is_discarded ? part.is_whole : !has_renamed) return {};
  return problem(held.sandbox.name() + " is running, so that " +
                     (is_discarded ? "no part of it can be discarded"
                                   : "no renamed directory of it can be applied"),
                 is_discarded ? "end what runs in it first, or discard everything"
                              : "end what runs in it first, or name other paths");
}

}  // namespace

Expected<void> check_layers(const HeldSandbox& held, const std::vector<apply::Part>& parts,
                            bool is_discarded) {
  for (const apply::Part& part : parts) {
    if (held.is_running) {
      if (auto possible = check_running(held, part, is_discarded); !possible) return possible;
    }
    const auto one = std::ranges::find(held.record.file_systems, part.directory,
                                       &sandbox::FileSystem::directory);
    if (part.is_whole || one == held.record.file_systems.end() || one->layers.empty()) continue;
    if (!is_discarded && part.selected.count(changes::Kind::Renamed) == 0) continue;
    return problem(held.sandbox.name() + " has frozen layers, so that " +
                       (is_discarded ? "no part of it can be discarded"
                                     : "no part with a renamed directory can be applied"),
                   "'overpass squash --thaw " + held.sandbox.name() +
                       "' gives them up, with the snapshots, and keeps the changes");
  }
  return {};
}

Expected<void> drop_part(HeldSandbox& held, const apply::JournalPart& part) {
  // The upper of a sandbox that runs may have become a layer meanwhile.
  const auto is_its = [&](const sandbox::FileSystem& one) {
    return part.frozen.empty() ? one.directory == part.directory
                               : one.at == part.target && one.identity == part.identity;
  };
  const auto one = std::ranges::find_if(held.record.file_systems, is_its);
  if (one == held.record.file_systems.end()) return {};  // It has been done.
  if (!part.frozen.empty()) return drop_frozen(held, *one, part);
  if (part.is_whole) return reset(held, *one);
  if (!one->layers.empty()) return stamp_applied(held, *one, part);
  const std::string number = std::to_string(part.directory);
  const auto drop = [&]() -> Result<void> {
    const UniqueFd directory =
        TRY(sys::open_at(held.sandbox.directory(), number.c_str(), O_PATH | O_DIRECTORY));
    const UniqueFd upper = TRY(sys::open_at(directory, "upper", O_RDONLY | O_DIRECTORY));
    const UniqueFd work = TRY(sys::open_at(directory, "work", O_PATH | O_DIRECTORY));
    return apply::drop(upper, work, part.dropped);
  };
  if (const auto dropped = drop(); !dropped) {
    return problem("changes cannot be taken out of the sandbox: " +
                       std::string(std::strerror(to_int(dropped.error()))),
                   "correct the permissions of " + in_quotes(held.sandbox.path() + "/" + number));
  }
  return {};
}

std::function<Result<void>(size_t, size_t)> progress_of(Context& context) {
  const bool shows = ::isatty(STDERR_FILENO) == 1;
  return [&context, shows](size_t done, size_t all) -> Result<void> {
    constexpr size_t kStep = 64;
    if (is_interrupted()) return fail(ECANCELED);
    if (shows && all > kStep && done % kStep == 0) {
      context.err << "\roverpass: " << done << " of " << all << std::flush;
    }
    return {};
  };
}

void end_progress(Context& context) {
  if (::isatty(STDERR_FILENO) == 1) context.err << "\r\033[K" << std::flush;
}

}  // namespace overpass::cli
