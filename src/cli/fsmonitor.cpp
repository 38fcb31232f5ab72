// SPDX-License-Identifier: MIT
//
// `overpass fsmonitor`: tells git which paths of a work tree in a union may have changed. These are
// all that the upper has there, and all names that have gone since git was told last. The daemon
// knows the latter. It is asked first: what goes while the upper is read is told the next time.

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/nearest.h"
#include "changes/layers.h"
#include "changes/upper_paths.h"
#include "cli/commands.h"
#include "cli/fsmonitor_token.h"
#include "cli/looked_at.h"
#include "cli/mounted.h"
#include "fuse/removal_report.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::cli {

namespace {

using fuse::RemovalReport;
using Paths = std::vector<std::string>;

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

constexpr command_line::Example kExamples[] = {
    {"git config core.fsmonitor 'overpass fsmonitor'",
     "In a work tree that lies in a union: let git ask."},
    {"git config core.untrackedCache true", "Let git remember directories, too."},
};

/// What git never looks at by a path of the work tree.
constexpr std::string_view kGitDirectory = ".git";

/// The work tree: the current directory of a hook is its top.
struct WorkTree {
  std::string mountpoint;
  std::string top;  ///< From the root of the union, without slashes around.
  dev_t device = 0;
  uint64_t ino = 0;
  bool has_mounts_below = false;
};

Expected<WorkTree> find_work_tree() {
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).string();
  const auto stat = sys::stat({BorrowedFd{AT_FDCWD}, "."});
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (error || !stat) return problem("the current directory has gone", "go to the work tree");
  if (!mountinfo) return problem("/proc/self/mountinfo cannot be read", "mount /proc");
  const auto around = find_mount_around(*mountinfo, here);
  if (!around) return std::unexpected(around.error());
  if (around->type != kMountType) {
    return problem(in_quotes(here) + " lies in no union of overpass",
                   "'git config --unset core.fsmonitor' ends this message");
  }
  WorkTree tree = {around->mountpoint, {}, sys::device_of(*stat), stat->stx_ino, false};
  const std::string below_here = here == "/" ? here : here + "/";
  bool is_whole = false;
  sys::for_each_mount(*mountinfo, [&](const sys::MountLine& line) {
    const std::string mountpoint = sys::without_escapes(line.mountpoint);
    // A later line lies on top.
    if (mountpoint == tree.mountpoint) is_whole = line.root == "/";
    if (mountpoint != here && mountpoint.starts_with(below_here)) tree.has_mounts_below = true;
  });
  if (!is_whole) {
    return problem(in_quotes(tree.mountpoint) + " shows a part of a union",
                   "work below the mountpoint of the union itself");
  }
  tree.top = here.substr(std::min(here.size(), tree.mountpoint.size()));
  tree.top.erase(0, tree.top.find_first_not_of('/'));
  return tree;
}

bool is_on(BorrowedFd directory, dev_t device) {
  const auto stat = sys::stat(sys::place_of(directory));
  return stat && sys::device_of(*stat) == device;
}

Expected<RemovalReport> ask_daemon(const WorkTree& tree, uint64_t number) {
  const std::string what = in_quotes(tree.mountpoint);
  const std::string name = std::string(fuse::kRemovalsXattr) + std::to_string(number);
  const auto root = sys::open_path(tree.mountpoint.c_str(), O_RDONLY | O_DIRECTORY);
  if (root && !is_on(*root, tree.device)) {
    return problem("another mount covers the union of the current directory",
                   "enter the directory again");
  }
  auto text = root ? sys::get_xattr(sys::place_of(*root), name.c_str())
                   : Result<std::string>(fail(root.error()));
  if (text.failed_with(EPERM) || text.failed_with(EACCES)) {
    return problem(what + " does not tell this user which names have gone",
                   "only root and the user who mounted it may ask");
  }
  if (!text) {
    return problem(
        what + " does not tell which names have gone: " + std::strerror(to_int(text.error())),
        "another version of overpass may serve it");
  }
  auto report = fuse::read_removal_report(*text);
  if (!report) return problem("the answer of " + what + " is not understood", "mount it anew");
  return std::move(*report);
}

/// What the upper has below the top of the work tree.
Expected<Paths> read_upper(const WorkTree& tree, const RemovalReport& report) {
  if (report.upper.empty()) return Paths();
  layer::LayerPaths paths;
  paths.upper = report.upper;
  paths.mountpoint = tree.mountpoint;
  const auto stack = changes::open_layers(paths);
  if (!stack) return std::unexpected(stack.error());
  const UniqueFd& root = stack->upper().root;
  const auto stat = sys::stat(sys::place_of(root));
  if (!stat || sys::device_of(*stat) != report.device || stat->stx_ino != report.ino) {
    return problem(in_quotes(report.upper) + " is not the upper directory here",
                   "run git where the union was mounted");
  }
  auto found = changes::paths_in_upper(root, tree.top, kGitDirectory);
  if (!found) {
    return problem("upperdir " + in_quotes(report.upper) + ": " +
                       shown_path(tree.top + "/" + found.error().path) + ": " +
                       std::strerror(to_int(found.error().error)),
                   "run git as the user who mounted the union");
  }
  return std::move(*found);
}

/// Adds those of `gone` that lie below `top`, as git sees them. False if `top` itself has gone.
bool add_gone(const Paths& gone, const std::string& top, Paths& paths) {
  const std::string below_top = top.empty() ? "" : top + "/";
  for (const std::string& path : gone) {
    if (below_top.starts_with(path + "/")) return false;
    if (path.starts_with(below_top)) paths.push_back(path.substr(below_top.size()));
  }
  return true;
}

struct Answer {
  FsmonitorToken token;
  bool is_everything = true;
  Paths paths;
};

Expected<Answer> find_answer(const std::string& last_token) {
  const auto tree = find_work_tree();
  if (!tree) return std::unexpected(tree.error());
  const auto last = read_fsmonitor_token(last_token);
  const auto report = ask_daemon(*tree, last ? last->number : 0);
  if (!report) return std::unexpected(report.error());
  // What is mounted there changes by itself, a file changes by its other names, and of what goes
  // below a directory of git's own nothing is recorded.
  const bool is_git_directory = ("/" + tree->top + "/").find("/.git/") != std::string::npos;
  if (tree->has_mounts_below || report->shares_files || is_git_directory) return Answer{};
  Answer answer = {{report->since.mount, report->since.next, tree->ino, tree->top}, true, {}};
  if (!last || !last->is_of_same(answer.token) || !report->since.is_whole) return answer;
  auto paths = read_upper(*tree, *report);
  if (!paths) return std::unexpected(paths.error());
  answer.is_everything = !add_gone(report->since.paths, tree->top, *paths);
  std::ranges::sort(*paths);
  paths->erase(std::unique(paths->begin(), paths->end()), paths->end());
  answer.paths = std::move(*paths);
  return answer;
}

}  // namespace

constexpr command_line::Command kFsmonitorCommand = {
    .name = "fsmonitor",
    .synopsis = "overpass fsmonitor VERSION TOKEN",
    .summary = "tell git which files of a work tree may have changed",
    .description =
        "git runs this command where core.fsmonitor names it; see overpass-fsmonitor(1).\n"
        "It prints a new token and the paths that the upper directory has, or '/' for everything.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Text,
    .help_call = "overpass help fsmonitor",
};

int run_fsmonitor(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 2) {
    return fail_with(context, {"fsmonitor takes VERSION and TOKEN", "git gives them"}, kUsage);
  }
  if (parsed.operands[0] != "2") {
    return fail_with(context, {"version " + in_quotes(parsed.operands[0]) +
                                   " of git's protocol is not spoken here, only 2",
                               "git config core.fsmonitorHookVersion 2"});
  }
  auto answer = find_answer(parsed.operands[1]);
  if (!answer) return fail_with(context, answer.error());
  if (answer->is_everything) answer->paths = {"/"};
  context.out << text_of(answer->token) << '\0';
  for (const std::string& path : answer->paths) context.out << path << '\0';
  return kSuccess;
}

}  // namespace overpass::cli
