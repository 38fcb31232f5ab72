// SPDX-License-Identifier: MIT
//
// Mounts that do not lie below each other are made at the same time.

#include "sandbox/view.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "base/nearest.h"
#include "sandbox/lowers.h"
#include "sandbox/unions.h"
#include "sys/mount_tree.h"
#include "sys/open.h"

namespace overpass::sandbox {

namespace {

constexpr uint64_t kHarmless = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

bool is_union(const PlannedMount& mount) {
  return mount.shown == Shown::Union || mount.shown == Shown::ReadOnlyUnion;
}

/// How many mounts of the plan lie above.
size_t depth_of(const PlannedMount& mount, const std::vector<PlannedMount>& plan) {
  return static_cast<size_t>(std::ranges::count_if(plan, [&](const PlannedMount& other) {
    return &other != &mount && is_at_or_below(mount.path, other.path);
  }));
}

Result<UniqueFd> clone_of(const std::string& path, sys::Whole whole) {
  auto tree = sys::clone_mount(path, whole);
  // Without the right to uncover what its submounts cover.
  if (tree.failed_with(EINVAL)) tree = sys::clone_mount(path, sys::Whole::Yes);
  return tree;
}

class Mounter {
 public:
  Mounter(const std::vector<PlannedMount>& plan, const std::string& view, const Sandbox& sandbox,
          Record& record, const StartUnions& start, std::vector<RunningUnion>& unions)
      : plan_(plan),
        view_(view),
        sandbox_(sandbox),
        record_(record),
        start_(start),
        unions_(unions),
        lowers_(sandbox) {}

  /// Mounts that do not lie below each other.
  Expected<void> mount_all(const std::vector<const PlannedMount*>& mounts) {
    std::vector<config::Options> unions;
    std::vector<const PlannedMount*> planned;
    for (const PlannedMount* mount : mounts) {
      if (!is_reachable(*mount)) continue;
      if (!is_union(*mount)) {
        tell(*mount, attach(*mount));
        continue;
      }
      auto options = options_of(*mount, place_of(*mount), sandbox_, record_);
      if (!options) return std::unexpected(options.error());
      auto lower = lowers_.find(options->lower.back());
      if (!lower) {
        return problem("what is mounted below " + in_quotes(mount->path) +
                           " cannot be covered: " + std::strerror(to_int(lower.error())),
                       "a container may forbid it; run it outside");
      }
      options->lower.back() = std::move(*lower);
      unions.push_back(std::move(*options));
      planned.push_back(mount);
    }
    return start(unions, planned);
  }

 private:
  std::string place_of(const PlannedMount& mount) const {
    return mount.path == "/" ? view_ : view_ + mount.path;
  }

  Expected<void> start(const std::vector<config::Options>& unions,
                       const std::vector<const PlannedMount*>& planned) {
    if (unions.empty()) return {};
    Expected<void> result;
    const auto started = start_(unions);
    for (size_t i = 0; i < started.size(); ++i) {
      if (started[i]) {
        unions_.push_back({*started[i], planned[i]->path, root_at(unions[i].mountpoint)});
      } else if (planned[i]->path == "/") {
        result = std::unexpected(started[i].error());
      } else {
        log::warn("%s is left out: %s", planned[i]->path.c_str(),
                  started[i].error().line().c_str());
        (void)cover(place_of(*planned[i]));
      }
    }
    return result;
  }

  /// Nothing runs in the sandbox yet that could put something else there.
  static UniqueFd root_at(const std::string& mountpoint) {
    auto root = sys::open_path(mountpoint.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    return root ? std::move(*root) : UniqueFd();
  }

  /// Whether the place is a real one in the view: what ran in the sandbox before may have put a
  /// link there, or nothing.
  bool is_reachable(const PlannedMount& mount) const {
    if (mount.path == "/") return true;
    if (is_in_memory(mount.path)) {
      // What is asked for below has no place there yet.
      std::error_code error;
      std::filesystem::create_directories(view_ + mount.path, error);
    }
    const auto root = sys::open_path(view_.c_str(), O_PATH | O_DIRECTORY);
    if (root && sys::open_beneath(*root, mount.path.c_str() + 1, O_PATH)) return true;
    log::warn("%s is left out: the sandbox has no such place", mount.path.c_str());
    return false;
  }

  /// Whether the mount above begins empty.
  bool is_in_memory(std::string_view path) const {
    const PlannedMount* above = nullptr;
    for (const PlannedMount& other : plan_) {
      if (other.path != path && is_at_or_below(path, other.path)) above = &other;
    }
    return above != nullptr && above->shown == Shown::Private;
  }

  Result<void> attach(const PlannedMount& mount) const {
    const std::string place = place_of(mount);
    if (mount.shown == Shown::Empty) return cover(place);
    if (mount.shown == Shown::Private) {
      return sys::mount_new("tmpfs", place, MS_NOSUID | MS_NODEV, "mode=1777");
    }
    const bool is_through = mount.shown == Shown::Through;
    const UniqueFd tree = TRY(clone_of(mount.path, is_through ? sys::Whole::Yes : sys::Whole::No));
    TRY(sys::restrict_tree(tree,
                           is_through ? kHarmless & ~uint64_t{MOUNT_ATTR_RDONLY} : kHarmless));
    return sys::attach_mount(tree, place);
  }

  static void tell(const PlannedMount& mount, const Result<void>& attached) {
    if (attached) return;
    log::warn("%s is left out: %s", mount.path.c_str(), std::strerror(to_int(attached.error())));
  }

  const std::vector<PlannedMount>& plan_;
  const std::string& view_;
  const Sandbox& sandbox_;
  Record& record_;
  const StartUnions& start_;
  std::vector<RunningUnion>& unions_;
  Lowers lowers_;
};

}  // namespace

Expected<void> mount_plan(const std::vector<PlannedMount>& plan, const std::string& view,
                          const Sandbox& sandbox, Record& record, const StartUnions& start,
                          std::vector<RunningUnion>& unions) {
  Mounter mounter(plan, view, sandbox, record, start, unions);
  size_t done = 0;
  for (size_t depth = 0; done < plan.size(); ++depth) {
    std::vector<const PlannedMount*> level;
    for (const PlannedMount& mount : plan) {
      if (depth_of(mount, plan) == depth) level.push_back(&mount);
    }
    if (auto mounted = mounter.mount_all(level); !mounted) return mounted;
    done += level.size();
  }
  return {};
}

}  // namespace overpass::sandbox
