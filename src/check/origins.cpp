// SPDX-License-Identifier: MIT
//
// A handle is opened on the file system with the UUID that the mark has. One without UUID (mounted
// with uuid=off, or from a file system that has none) is only looked for where there is no choice.

#include "check/origins.h"

#include <fcntl.h>

#include <algorithm>

#include "base/hash.h"
#include "sys/open.h"

namespace overpass::check {

HandleFinder HandleFinder::of_lowers(const layer::LayerStack& stack) {
  HandleFinder finder;
  for (size_t i = layer::kUpper + 1; i < stack.layers.size(); ++i) finder.add(stack.layers[i]);
  return finder;
}

HandleFinder HandleFinder::of_upper(const layer::LayerStack& stack) {
  HandleFinder finder;
  finder.add(stack.upper());
  return finder;
}

void HandleFinder::add(const layer::Layer& layer) {
  for (const FileSystem& known : file_systems_) {
    if (known.device == layer.device) return;
  }
  auto fd = sys::open_at(layer.root, ".", O_RDONLY | O_DIRECTORY);
  file_systems_.push_back({layer.device, layer.uuid, fd ? std::move(*fd) : UniqueFd()});
}

const HandleFinder::FileSystem* HandleFinder::file_system_of(const layer::Origin& origin) const {
  for (const FileSystem& candidate : file_systems_) {
    if (candidate.uuid == origin.uuid) return &candidate;
  }
  const bool has_no_uuid = origin.uuid == sys::FileSystemUuid{};
  return has_no_uuid && file_systems_.size() == 1 ? &file_systems_.front() : nullptr;
}

Result<UniqueFd> HandleFinder::open(const layer::Origin& origin) const {
  const FileSystem* file_system = file_system_of(origin);
  if (file_system == nullptr) return fail(ENODEV);
  if (file_system->fd.empty()) return fail(EACCES);
  auto file = sys::open_by_handle(file_system->fd, origin.handle);
  // A file system says in three ways that it has no such file.
  if (file.failed_with(ENOENT) || file.failed_with(EINVAL)) return fail(ESTALE);
  return file;
}

HandleTarget HandleFinder::find(const layer::Origin& origin) const {
  using State = HandleTarget::State;
  const auto file = open(origin);
  if (file.failed_with(ENODEV)) return {State::Elsewhere};
  if (file.failed_with(ESTALE)) return {State::Gone};
  if (!file) return {State::Undecodable};
  const auto stat = sys::stat(sys::place_of(*file));
  if (!stat) return {State::Undecodable};
  if (stat->stx_nlink == 0) return {State::Gone};
  return {State::Found, *stat};
}

uint64_t OriginOwners::note(const std::string& origin, uint64_t ino) {
  const auto [entry, is_new] = inodes_.try_emplace(hash_bytes(origin), ino);
  return is_new || entry->second == ino ? 0 : entry->second;
}

}  // namespace overpass::check
