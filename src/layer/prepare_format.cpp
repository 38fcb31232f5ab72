// SPDX-License-Identifier: MIT
//
// In this order: what needs attributes, what needs file handles, what needs to tell file systems
// apart, the index, the identity of the upper.

#include "layer/prepare_format.h"

#include <linux/magic.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "layer/index_directory.h"
#include "layer/named_directory.h"
#include "sys/file_handle.h"
#include "sys/random.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

bool gives_handles(const Layer& layer) {
  return sys::file_handle(sys::place_of(layer.root)).has_value();
}

/// Subvolumes of btrfs have device numbers of their own.
bool on_one_file_system(const Layer& a, const Layer& b) {
  if (a.device == b.device) return true;
  const auto magic = sys::file_system_magic(a.root);
  const auto other = sys::file_system_magic(b.root);
  return magic && other && *magic == BTRFS_SUPER_MAGIC && *other == BTRFS_SUPER_MAGIC &&
         a.uuid == b.uuid;
}

void mark_if_ambiguous(Layer& a, Layer& b) {
  if (a.uuid != b.uuid || on_one_file_system(a, b)) return;
  a.ambiguous_uuid = b.ambiguous_uuid = true;
}

void mark_ambiguous_lowers(std::vector<Layer>& layers) {
  for (size_t i = 1; i < layers.size(); ++i) {
    for (size_t j = 1; j < i; ++j) mark_if_ambiguous(layers[i], layers[j]);
  }
}

void drop_index(LayerStack& stack, const std::string& reason) {
  if (stack.format.index) stack.format_reasons.index = reason;
  if (stack.format.nfs_export) stack.format_reasons.nfs_export = reason;
  stack.format.index = stack.format.nfs_export = false;
}

/// Marks kept in attributes are not written; those of lowers are read all the same.
void resolve_marks(LayerStack& stack) {
  if (!stack.has_upper() || stack.workdir.features().has_xattrs()) return;
  const std::string reason = "the upper's file system takes no extended attributes";
  if (stack.format.writes_redirects) stack.format_reasons.redirect_dir = reason;
  if (stack.format.writes_metacopy) stack.format_reasons.metacopy = reason;
  stack.format.writes_redirects = stack.format.writes_metacopy = false;
  drop_index(stack, reason);
}

/// Entries of the index are named by file handles, and handles by the UUID of their file system.
void resolve_index(LayerStack& stack) {
  for (const Layer& layer : stack.layers) {
    if (!stack.format.index && !stack.format.nfs_export) return;
    if (!layer.is_present) continue;
    if (!gives_handles(layer)) {
      drop_index(stack, "the file system of " + quoted(layer.path) + " gives no file handles");
    } else if (!layer.lasting_handles) {
      drop_index(stack, quoted(layer.path) + " is on FUSE, whose file handles do not last");
    } else if (layer.ambiguous_uuid) {
      drop_index(stack, "the file system of " + quoted(layer.path) +
                            " has the UUID of another lower's, or none like that");
    }
  }
}

void leave_uuids_out(LayerStack& stack) {
  const bool is_one =
      std::all_of(stack.layers.begin(), stack.layers.end(), [&](const Layer& layer) {
        return !layer.is_present || on_one_file_system(stack.layers.back(), layer);
      });
  if (!is_one) {
    stack.format.uuid = Uuid::Null;
    stack.format_reasons.uuid = "uuid=off needs all layers on one file system";
    return;
  }
  for (Layer& layer : stack.layers) {
    layer.uuid = {};
    layer.any_uuid = true;
    layer.ambiguous_uuid = false;
  }
}

/// A new upper gets a UUID; one that was used without stays without unless uuid=on says otherwise.
void identify_upper(LayerStack& stack) {
  if (stack.format.uuid == Uuid::Off || stack.format.uuid == Uuid::Null) return;
  const Uuid wanted = std::exchange(stack.format.uuid, Uuid::Null);
  if (!stack.has_upper()) return;
  const sys::Place root = sys::place_of(stack.upper().root);
  const char* mark = name_of(Mark::Uuid, stack.prefix);
  std::string& reason = stack.format_reasons.uuid;
  sys::FileSystemUuid uuid;
  const auto present = sys::get_xattr(root, mark);
  if (present && present->size() == uuid.size()) {
    stack.format.uuid = Uuid::On;
    return;
  }
  if (!present.failed_with(ENODATA)) {
    reason = "the UUID of the upper directory cannot be read";
    return;
  }
  if (wanted == Uuid::Auto && sys::get_xattr(root, name_of(Mark::Impure, stack.prefix))) {
    reason = "the upper directory was used before it had one";
    return;
  }
  const auto made = sys::random_uuid();
  if (made &&
      sys::set_xattr(root, mark, {reinterpret_cast<const char*>(made->data()), made->size()})) {
    stack.format.uuid = Uuid::On;
  } else {
    reason = "the UUID of the upper directory cannot be written";
  }
}

void warn_of_dropped_choices(const FormatChoice& choice, const LayerStack& stack) {
  const FormatReasons& reasons = stack.format_reasons;
  if (choice.index == true && !reasons.index.empty()) {
    log::warn("index=on has no effect: %s", reasons.index.c_str());
  }
  // Without an upper nothing is written, and no user expects it.
  const bool has_upper = stack.has_upper();
  if (has_upper && choice.redirect_dir == RedirectDir::On && !reasons.redirect_dir.empty()) {
    log::warn("redirect_dir=on has no effect: %s", reasons.redirect_dir.c_str());
  }
  if (has_upper && choice.metacopy == true && !reasons.metacopy.empty()) {
    log::warn("metacopy=on has no effect: %s", reasons.metacopy.c_str());
  }
  if (choice.nfs_export && !reasons.nfs_export.empty()) {
    log::warn("nfs_export=on has no effect: %s", reasons.nfs_export.c_str());
  }
  if (choice.uuid != Uuid::Auto && !reasons.uuid.empty()) {
    log::warn("uuid=%s has no effect: %s", choice.uuid == Uuid::On ? "on" : "off",
              reasons.uuid.c_str());
  }
}

}  // namespace

/// Everything on FUSE has one st_dev: numbers of several file systems that were not composed would
/// make different files look like links of one, to tar(1) for one.
void settle_numbers(LayerStack& stack) {
  stack.format.xino = stack.all_on_one_device() ? Xino::Off : Xino::On;
  stack.format_reasons.xino =
      stack.all_on_one_device() ? "all layers are on one file system, whose numbers are shown" : "";
}

Expected<void> prepare_format(LayerStack& stack, const LayerPaths& paths) {
  ResolvedFormat resolved = resolve_format(paths.format, stack.prefix, stack.has_upper());
  stack.format = resolved.settings;
  stack.format_reasons = std::move(resolved.reasons);
  mark_ambiguous_lowers(stack.layers);
  resolve_marks(stack);
  resolve_index(stack);
  // The index compares origins, which carry UUIDs.
  if (stack.format.uuid == Uuid::Off) leave_uuids_out(stack);
  if (stack.format.index) {
    if (auto ok = open_index(stack); !ok) return ok;
  }
  // Beyond this point the layers belong together.
  identify_upper(stack);
  stack.format.short_numbers = paths.format.xino == Xino::Off;
  settle_numbers(stack);
  warn_of_dropped_choices(paths.format, stack);
  return {};
}

namespace {

/// If the root of a layer has an override, the rest of the layer has overrides in that form.
StatOverride kind_of(BorrowedFd root, StatOverride wanted) {
  const auto has = [&](StatOverride kind) {
    return sys::get_xattr(sys::place_of(root), name_of(kind), {}).has_value();
  };
  if (has(wanted)) return wanted;
  const bool is_former = wanted == StatOverride::User && has(StatOverride::FormerUser);
  return is_former ? StatOverride::FormerUser : StatOverride::None;
}

}  // namespace

Expected<void> join_format(LayerStack& stack, Layer& lower, StatOverride kind) {
  const std::string what = "no lower is added while the union is mounted with ";
  constexpr char kRemedy[] = "unmount, and mount anew with it";
  if (stack.format.index) {
    return problem(what + "index=on: the index belongs to the lowers of the beginning", kRemedy);
  }
  if (stack.format.follows_metacopy) {
    return problem(what + "metacopy=on: bytes of the upper's files are found by their paths",
                   kRemedy);
  }
  if (stack.format.uuid == Uuid::Off) {
    if (!on_one_file_system(stack.layers.back(), lower)) {
      return problem("uuid=off needs all layers on one file system, and " + quoted(lower.path) +
                         " is on another",
                     kRemedy);
    }
    lower.uuid = {};
    lower.any_uuid = true;
  } else {
    for (size_t i = 1; i < stack.layers.size(); ++i) mark_if_ambiguous(stack.layers[i], lower);
  }
  if (kind != StatOverride::None) lower.stat_override = kind_of(lower.root, kind);
  return {};
}

Expected<void> prepare_override(LayerStack& stack, StatOverride kind) {
  if (kind == StatOverride::None) return {};
  for (Layer& layer : stack.layers) {
    if (layer.is_present) layer.stat_override = kind_of(layer.root, kind);
  }
  Layer& upper = stack.layers[kUpper];
  if (!upper.is_present || upper.stat_override != StatOverride::None) return {};
  const sys::Place root = sys::place_of(upper.root);
  const auto stat = sys::stat(root);
  const auto written = stat ? sys::set_xattr(root, name_of(kind), encode_override(*stat))
                            : Result<void>(fail(stat.error()));
  if (!written) {
    return problem("xattr_permissions: upperdir " + quoted(upper.path) + " does not take " +
                       name_of(kind) + ": " + text_of(written.error()),
                   kind == StatOverride::Privileged
                       ? "use xattr_permissions=2, which needs no privilege"
                       : "use a file system that keeps attributes of users for the upper");
  }
  upper.stat_override = kind;
  return {};
}

}  // namespace overpass::layer
