// SPDX-License-Identifier: MIT

#include "cli/apply_call.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "base/nearest.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/interruption.h"
#include "cli/question.h"
#include "fuse/refresh.h"
#include "sandbox/layer_store.h"
#include "snapshots/history.h"
#include "snapshots/live.h"
#include "snapshots/own_layers.h"
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

/// Whether nothing is left of frozen layers that nobody else needs if this is taken out of them.
bool is_all(const HeldSandbox& held, const sandbox::FileSystem& file_system, const Part& part,
            const changes::List& selected) {
  return !part.frozen.empty() && selected.changes.size() == part.all.changes.size() &&
         snapshots::own_layers(held, file_system).size() == file_system.layers.size();
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
    part->is_whole = wanted->empty() || is_all(held, *file_system, *part, *selected);
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
  if (parsed.has("--yes") || parsed.has("--patch")) return true;
  if (!is_on_terminal()) {
    return problem("nobody can be asked: standard input is no terminal", "say --yes, or --dry-run");
  }
  return says_yes(context, question + "?");
}

}  // namespace

std::optional<int> ask(Context& context, const ParsedArguments& parsed, const changes::List& list,
                       const apply::Prospect& prospect, const Question& question) {
  const bool is_trial = parsed.has("--dry-run");
  if (is_trial || !(parsed.has("--yes") || parsed.has("--patch"))) {
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
