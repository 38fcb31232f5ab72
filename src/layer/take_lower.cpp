// SPDX-License-Identifier: MIT

#include "layer/take_lower.h"

#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>

#include "base/log.h"
#include "sys/credentials.h"
#include "sys/mount_api.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

bool is_remote(uint64_t magic) {
  constexpr uint64_t kServed[] = {sys::kFuseMagic,  NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,
                                  CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, V9FS_MAGIC,
                                  CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC,  CODA_SUPER_MAGIC};
  return std::ranges::find(kServed, magic) != std::end(kServed);
}

}  // namespace

bool is_stacked(uint64_t magic) {
  return magic == OVERLAYFS_SUPER_MAGIC || magic == sys::kFuseMagic;
}

FileSystem file_system_of(const NamedDirectory& directory, const FileSystem& last) {
  const dev_t device = sys::device_of(directory.stat);
  // Through a directory that may not be read, none is told.
  const bool is_known = device == last.device && last.uuid;
  if (is_known) return last;
  FileSystem found = {device, sys::file_system_magic(directory.fd).value_or(0), {}};
  if (auto uuid = sys::file_system_uuid(directory.fd)) found.uuid = *uuid;
  return found;
}

void describe(LayerProperties& layer, uint64_t magic) {
  layer.stable_numbers = !is_stacked(magic);
  layer.is_remote = is_remote(magic);
  layer.lasting_handles = magic != sys::kFuseMagic;
}

Unreadable unreadable_lowers() {
  return sys::may_administer_own_namespace() ? Unreadable::Taken : Unreadable::Refused;
}

Expected<Layer> take_lower(const NamedDirectory& directory, const FileSystem& on) {
  Layer layer;
  layer.path = directory.path;
  layer.is_present = true;
  layer.device = on.device;
  layer.uuid = on.uuid.value_or(sys::FileSystemUuid{});
  describe(layer, on.magic);
  if (auto clone = sys::clone_read_only(directory.fd)) {
    layer.root = std::move(*clone);
    layer.write_protected = true;
    return layer;
  }
  auto root = sys::reopen(directory.fd, O_PATH | O_DIRECTORY);
  if (!root) return problem(directory.text() + ": " + text_of(root.error()));
  layer.root = std::move(*root);
  return layer;
}

void warn_of_overlap(const NamedDirectory& upper, const NamedDirectory& lower) {
  if (!is_within(lower.real_path, upper.real_path)) return;
  log::warn("%s %s lies inside upperdir %s, so what is written to the union may change it",
            lower.option, lower.path.c_str(), upper.path.c_str());
}

}  // namespace overpass::layer
