// SPDX-License-Identifier: MIT
//
// A union of two layers is opened as for a mount: that claims, probes and marks the new upper as
// the next mount will want to find it.

#include "overlay/freeze/new_upper.h"

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "layer/named_directory.h"
#include "layer/open_layers.h"
#include "overlay/state/overlay.h"
#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

std::unexpected<Errno> refuse(int error, const std::string& why) {
  log::warn("the upper is not frozen: %s", why.c_str());
  return fail(error);
}

/// What a mount must have, whatever it is to be frozen into.
Result<void> check_mount(const Overlay& overlay) {
  const layer::LayerStack& stack = overlay.stack;
  if (!overlay.is_writable()) return refuse(EROFS, "the union is read-only");
  if (!overlay.settings.may_be_frozen) {
    return refuse(EOPNOTSUPP, "the mount was not made for it (freezable)");
  }
  if (!stack.format.index || stack.format.nfs_export) {
    return refuse(EOPNOTSUPP, "hard links would part; it takes index=on and nfs_export=off");
  }
  if (!stack.workdir.features().has_xattrs() ||
      stack.workdir.whiteout_form() == layer::WhiteoutForm::Named) {
    return refuse(EOPNOTSUPP, "the upper's file system takes no extended attributes");
  }
  if (stack.format.writes_redirects && !stack.format.follows_redirects) {
    return refuse(EOPNOTSUPP, "redirects of a lower are not followed (redirect_dir)");
  }
  if (stack.size() == std::numeric_limits<layer::LayerIndex>::max()) {
    return refuse(EOPNOTSUPP, "it has too many layers");
  }
  return {};
}

/// Whether both mounts read and write one format.
bool is_same_format(const layer::LayerStack& one, const layer::LayerStack& other) {
  const layer::FormatSettings& a = one.format;
  const layer::FormatSettings& b = other.format;
  return one.prefix == other.prefix && a.index == b.index && a.nfs_export == b.nfs_export &&
         a.writes_redirects == b.writes_redirects && a.writes_metacopy == b.writes_metacopy &&
         one.workdir.whiteout_form() == other.workdir.whiteout_form() &&
         one.upper().stat_override == other.upper().stat_override;
}

bool is_empty(BorrowedFd directory) {
  const auto listed = sys::for_each_entry(directory, [](const sys::DirectoryEntry& entry) {
    return entry.name == "." || entry.name == ".." ? Result<void>() : fail(ENOTEMPTY);
  });
  return listed.has_value();
}

/// The path of `directory` from the root of the union, if `root` is above it; else nothing.
std::optional<std::string> path_below(const layer::NamedDirectory& directory,
                                      const sys::Stat& root) {
  const auto is_root = [&root](const sys::Stat& stat) {
    return stat.stx_ino == root.stx_ino && sys::device_of(stat) == sys::device_of(root);
  };
  std::string_view rest = directory.real_path;
  std::string path;
  auto at = sys::reopen(directory.fd, O_PATH | O_DIRECTORY);
  while (at && !rest.empty()) {
    const auto stat = sys::stat(sys::place_of(*at));
    if (!stat) break;
    if (is_root(*stat)) return path;
    const size_t slash = rest.rfind('/');
    if (slash == std::string_view::npos) break;
    path.insert(0, std::string(rest.substr(slash)));
    rest = rest.substr(0, slash);
    at = sys::open_at(*at, "..", O_PATH | O_DIRECTORY);
  }
  return {};
}

bool is_hidden_by_rules(const rules::Table& table, std::string_view path) {
  rules::Verdict verdict;
  rules::SharedProgress progress = table.at_root();
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view name = path.substr(0, path.find('/'));
    verdict = table.judge(verdict, progress, name, /*is_directory=*/true);
    if (verdict.has(rules::Action::Hide)) return true;
    progress = table.enter(progress, name);
    path.remove_prefix(name.size());
  }
  return false;
}

/// The union would show its own upper, and change it behind its own back.
Result<void> check_not_shown(const Overlay& overlay, const char* option, const std::string& path) {
  const auto directory = layer::open_named(option, path);
  if (!directory) return refuse(EINVAL, directory.error().line());
  for (layer::LayerIndex i = 1; i < overlay.stack.lowers_end(); ++i) {
    const sys::Stat root = TRY(sys::stat(sys::place_of(overlay.roots[i]->fd)));
    const auto shown = path_below(*directory, root);
    if (!shown || is_hidden_by_rules(overlay.settings.rules, *shown)) continue;
    return refuse(EINVAL, directory->text() + " can be seen in lower " +
                              layer::quoted(overlay.stack.layers[i].path));
  }
  return {};
}

/// Its UUID must name one file system among the lowers, as at a mount.
Result<void> check_unambiguous(const Overlay& overlay, const layer::Layer& frozen) {
  for (const layer::Layer& layer : overlay.stack.layers) {
    if (layer.is_present && layer.uuid == frozen.uuid && layer.device != frozen.device &&
        !layer.any_uuid) {
      return refuse(EOPNOTSUPP, "the upper's file system and that of lower " +
                                    layer::quoted(layer.path) + " have one UUID");
    }
  }
  return {};
}

Result<void> check_fitting(const Overlay& overlay, const layer::LayerPaths& paths,
                           const NewUpper& opened) {
  const layer::LayerStack& stack = opened.stack;
  const sys::Stat now = TRY(sys::stat(sys::place_of(overlay.roots[layer::kUpper]->fd)));
  const sys::Stat frozen = TRY(sys::stat(sys::place_of(opened.frozen)));
  const sys::Stat upper = TRY(sys::stat(sys::place_of(opened.upper)));
  const sys::Stat work = TRY(sys::stat(sys::place_of(opened.temporaries)));
  if (now.stx_ino != frozen.stx_ino || sys::device_of(now) != sys::device_of(frozen)) {
    return refuse(EINVAL, layer::quoted(paths.lower.front()) + " is not the union's upper");
  }
  if (sys::device_of(now) != sys::device_of(upper) || upper.stx_mnt_id != frozen.stx_mnt_id ||
      upper.stx_mnt_id != work.stx_mnt_id) {
    return refuse(EINVAL, "the new upper, its workdir and the present upper are not on one mount");
  }
  if (!is_empty(opened.upper)) return refuse(EINVAL, "the new upper is not empty");
  if (!stack.hidden.empty()) return refuse(EINVAL, "the new upper lies inside the present one");
  return check_unambiguous(overlay, stack.layers[1]);
}

}  // namespace

Result<NewUpper> open_new_upper(const Overlay& overlay, const layer::LayerPaths& paths) {
  TRY(check_mount(overlay));
  TRY(check_not_shown(overlay, "upperdir", *paths.upper));
  TRY(check_not_shown(overlay, "workdir", *paths.work));
  TRY(check_not_shown(overlay, "lowerdir", paths.lower.front()));
  auto stack = layer::open_layers(paths);
  if (!stack) return refuse(EINVAL, stack.error().line());
  if (!is_same_format(overlay.stack, *stack)) {
    return refuse(EOPNOTSUPP, "the new upper would be written in another format");
  }
  NewUpper opened{.stack = std::move(*stack)};
  auto open = [](const std::string& path) {
    return sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  };
  opened.upper = TRY(open(*paths.upper));
  opened.frozen = TRY(open(paths.lower.front()));
  opened.temporaries = TRY(open(*paths.work + "/work"));
  opened.index = TRY(open(*paths.work + "/index"));
  TRY(check_fitting(overlay, paths, opened));
  layer::Layer& frozen = opened.stack.layers[1];
  const layer::Layer& now = overlay.stack.upper();
  frozen.was_upper = true;
  frozen.foreign_marks = now.foreign_marks;
  frozen.stat_override = now.stat_override;
  frozen.is_remote = now.is_remote;
  return opened;
}

}  // namespace overpass::overlay
