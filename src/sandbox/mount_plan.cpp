// SPDX-License-Identifier: MIT
//
// Each mount is judged by itself; rules then follow from the places of paths in unions.

#include "sandbox/mount_plan.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "sys/mountinfo.h"

namespace overpass::sandbox {

namespace {

/// File systems that are windows to the kernel.
constexpr std::string_view kPseudo[] = {
    "proc",   "sysfs",     "devtmpfs",  "devpts",  "cgroup",     "cgroup2",
    "mqueue", "hugetlbfs", "debugfs",   "tracefs", "securityfs", "configfs",
    "bpf",    "fusectl",   "efivarfs",  "pstore",  "rpc_pipefs", "binfmt_misc",
    "nsfs",   "autofs",    "selinuxfs", "ramfs"};

/// File systems that nobody has ever written to while they were mounted. In others, also if they
/// are read-only now, a server may listen at a socket, or read from a pipe.
constexpr std::string_view kUnwritable[] = {"squashfs", "erofs", "iso9660", "cramfs", "romfs"};

/// The sandbox has its own.
constexpr std::string_view kOwn[] = {"/proc", "/sys", "/dev"};

struct Mount {
  std::string path, root, device;
  bool is_pseudo = false;
  bool is_unwritable = false;  ///< The file system, whatever mount leads to it.
  bool is_read_only = false;   ///< The mount, or its file system now.
  Mounted kind = Mounted::Hidden;
};

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    if (sys::cut_word(options, ',') == wanted) return true;
  }
  return false;
}

bool is_in_any(std::string_view path, const std::vector<std::string>& directories) {
  return std::ranges::any_of(directories,
                             [&](const std::string& one) { return is_at_or_below(path, one); });
}

bool is_own(std::string_view path) {
  return std::ranges::any_of(kOwn, [&](std::string_view one) { return is_at_or_below(path, one); });
}

std::vector<Mount> read_mounts(std::string_view mountinfo, const LookAt& look) {
  std::vector<Mount> mounts;
  sys::for_each_mount(mountinfo, [&](const sys::MountLine& line) {
    Mount mount = {
        .path = sys::without_escapes(line.mountpoint),
        .root = sys::without_escapes(line.root),
        .device = std::string(line.device),
        .is_pseudo = std::ranges::find(kPseudo, line.type) != std::end(kPseudo),
        .is_unwritable = std::ranges::find(kUnwritable, line.type) != std::end(kUnwritable),
        .is_read_only = has_option(line.options, "ro") || has_option(line.super_options, "ro")};
    if (is_own(mount.path)) return;
    mount.kind = look(mount.path, line.id);
    if (mount.kind != Mounted::Hidden) mounts.push_back(std::move(mount));
  });
  return mounts;
}

/// Where the store is, as a path of its file system.
struct StorePlace {
  std::string device;
  std::string path;
};

StorePlace find_store(const std::vector<Mount>& mounts, const std::string& store) {
  const Mount* nearest = nullptr;
  for (const Mount& mount : mounts) {
    if (!is_at_or_below(store, mount.path)) continue;
    if (nearest == nullptr || mount.path.size() >= nearest->path.size()) nearest = &mount;
  }
  if (nearest == nullptr) return {};
  const std::string below = path_below(store, nearest->path);
  return {nearest->device, nearest->root == "/" ? below : nearest->root + below};
}

class Planner {
 public:
  Planner(const Scope& scope, const std::string& store, StorePlace place)
      : scope_(scope), store_(store), place_(std::move(place)) {}

  void add(const Mount& mount) {
    if (is_in_any(mount.path, scope_.through) || is_in_any(mount.path, scope_.in_memory) ||
        is_in_any(mount.path, scope_.hidden) || mount.kind == Mounted::Other) {
      return;
    }
    if (mount.kind == Mounted::File) {
      if (!mount.is_pseudo && !is_of_store(mount)) add(mount.path, Shown::BindFile);
    } else if (mount.is_pseudo || is_of_store(mount)) {
      add(mount.path, Shown::Empty);
    } else {
      add_directory(mount);
    }
  }

  void add_asked_for() {
    if (!scope_.only.empty()) {
      std::erase_if(plan_, [&](const PlannedMount& one) { return one.path == scope_.only; });
      PlannedMount& planned = add_union(scope_.only, Shown::Union);
      for (const std::string& pattern : scope_.ignored) planned.rules.push_back("hide " + pattern);
    }
    for (const std::string& path : scope_.through) add(path, Shown::Through);
    for (const std::string& path : scope_.in_memory) add(path, Shown::Private);
    for (const std::string& path : scope_.sockets) add(path, Shown::BindFile);
  }

  std::vector<PlannedMount> take() {
    std::ranges::sort(plan_, {}, &PlannedMount::path);
    return std::move(plan_);
  }

 private:
  bool is_of_store(const Mount& mount) const {
    return mount.device == place_.device && is_at_or_below(mount.root, place_.path);
  }

  void add(const std::string& path, Shown shown) { plan_.push_back({path, shown, {}}); }

  void add_directory(const Mount& mount) {
    const bool is_chosen = scope_.only.empty() || is_at_or_below(mount.path, scope_.only);
    const bool stays = !is_chosen || mount.is_read_only || is_in_any(mount.path, scope_.read_only);
    PlannedMount& planned = add_union(mount.path, stays ? Shown::ReadOnlyUnion : Shown::Union);
    // Under another of its mountpoints as well.
    if (mount.device == place_.device && is_at_or_below(place_.path, mount.root)) {
      hide(planned, path_below(place_.path, mount.root));
    }
    if (mount.is_unwritable) {
      planned.shown = planned.rules.empty() ? Shown::Bind : Shown::ReadOnlyUnion;
    }
  }

  PlannedMount& add_union(const std::string& path, Shown shown) {
    PlannedMount& planned = plan_.emplace_back(PlannedMount{path, shown, {}});
    for (const std::string& rule : scope_.rules) {
      if (std::string own = rule_below(rule, path); !own.empty()) planned.rules.push_back(own);
    }
    for (const std::string& fixed : scope_.read_only) {
      if (is_at_or_below(path, fixed) || !is_at_or_below(fixed, path)) continue;
      planned.rules.push_back("readonly " + pattern_of(path_below(fixed, path)));
    }
    for (const std::string& hidden : scope_.hidden) {
      if (is_at_or_below(hidden, path)) hide(planned, path_below(hidden, path));
    }
    if (is_at_or_below(store_, path)) hide(planned, path_below(store_, path));
    return planned;
  }

  static void hide(PlannedMount& planned, const std::string& path) {
    std::string rule = "hide " + pattern_of(path);
    if (std::ranges::find(planned.rules, rule) == planned.rules.end()) {
      planned.rules.push_back(std::move(rule));
    }
  }

  const Scope& scope_;
  const std::string& store_;
  const StorePlace place_;
  std::vector<PlannedMount> plan_;
};

}  // namespace

bool is_at_or_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string path_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return std::string(path);
  const std::string_view below = path.substr(directory.size());
  return below.empty() ? "/" : std::string(below);
}

std::string pattern_of(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view("*?[\\ ").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string rule_below(const std::string& rule, std::string_view mountpoint) {
  const size_t blank = rule.find(' ');
  if (blank == std::string::npos || mountpoint == "/") return rule;
  std::string_view pattern = std::string_view(rule).substr(blank + 1);
  const bool is_negated = pattern.starts_with('!');
  if (is_negated) pattern.remove_prefix(1);
  // It begins at the root if it has a '/' before its end.
  const bool is_anchored = pattern.find('/') < pattern.size() - 1;
  if (!is_anchored || pattern.starts_with("**/")) return rule;
  const std::string absolute =
      pattern.starts_with('/') ? std::string(pattern) : "/" + std::string(pattern);
  if (absolute.find("**") != std::string::npos) return rule;
  const std::string place = pattern_of(mountpoint);
  if (!is_at_or_below(absolute, place) || absolute.size() == place.size()) return "";
  return rule.substr(0, blank + 1) + (is_negated ? "!" : "") + path_below(absolute, place);
}

std::vector<PlannedMount> plan_mounts(std::string_view mountinfo, const Scope& scope,
                                      const std::string& store, const LookAt& look) {
  const std::vector<Mount> mounts = read_mounts(mountinfo, look);
  Planner planner(scope, store, find_store(mounts, store));
  for (const Mount& mount : mounts) planner.add(mount);
  planner.add_asked_for();
  return planner.take();
}

}  // namespace overpass::sandbox
