// SPDX-License-Identifier: MIT
//
// What costs little is compared first; bytes only when sizes are equal.

#include "changes/compare.h"

#include <sys/stat.h>

#include <array>
#include <cstring>

#include "layer/markers.h"
#include "layer/stat_override.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/xattr.h"

namespace overpass::changes {

namespace {

constexpr size_t kBlock = size_t{64} * 1024;

/// Fills `buffer` as far as the file reaches.
Result<size_t> read_block(BorrowedFd fd, std::span<char> buffer, off_t offset) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    const size_t count =
        TRY(sys::read_at(fd, buffer.subspan(filled), offset + static_cast<off_t>(filled)));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

/// The place of a file in its open directory, which `name` outlives.
Result<sys::Place> place_of(View& view, const Place& file, std::string& name) {
  const BorrowedFd directory = TRY(view.directory(file.layer, parent_of(file.path)));
  name = name_of(file.path);
  return sys::Place{directory, name.c_str()};
}

Result<bool> content_differs(View& view, const Found& before, const Found& after) {
  const sys::Stat& old_stat = before.top().stat;
  const sys::Stat& new_stat = after.top().stat;
  switch (new_stat.stx_mode & S_IFMT) {
    case S_IFREG: {
      if (!before.data || !after.data) return fail(EIO);  // A metacopy without its data.
      return !TRY(same_content(view, *before.data, *after.data));
    }
    case S_IFLNK:
      return TRY(link_target(view, before.top())) != TRY(link_target(view, after.top()));
    case S_IFCHR:
    case S_IFBLK:
      return sys::rdev_of(old_stat) != sys::rdev_of(new_stat);
    default:
      return false;
  }
}

}  // namespace

Result<bool> same_bytes(BorrowedFd one, BorrowedFd other) {
  std::vector<char> ours(kBlock);
  std::vector<char> theirs(kBlock);
  for (off_t offset = 0;; offset += static_cast<off_t>(kBlock)) {
    const size_t count = TRY(read_block(one, ours, offset));
    if (TRY(read_block(other, theirs, offset)) != count) return false;
    if (std::memcmp(ours.data(), theirs.data(), count) != 0) return false;
    if (count < kBlock) return true;
  }
}

Result<bool> same_content(View& view, const Place& a, const Place& b) {
  if (a.layer == b.layer && a.path == b.path) return true;
  if (a.stat.stx_size != b.stat.stx_size) return false;
  const UniqueFd first = TRY(view.open_file(a));
  const UniqueFd second = TRY(view.open_file(b));
  return same_bytes(first, second);
}

Result<std::map<std::string, std::string>> shown_xattrs(View& view, const Place& file) {
  const layer::LayerStack& stack = view.layers();
  std::string name;
  const sys::Place place = TRY(place_of(view, file, name));
  std::map<std::string, std::string> values;
  const auto stored = sys::list_xattrs(place);
  if (stored.failed_with(EOPNOTSUPP)) return values;
  for (const std::string& attribute : TRY(stored)) {
    if (layer::is_override_xattr(attribute, stack.layers[file.layer].stat_override)) continue;
    const auto shown = layer::shown_xattr_name(attribute, stack.prefix);
    if (!shown) continue;
    auto value = sys::get_xattr(place, attribute.c_str());
    // It went meanwhile, or is another user's.
    if (value.failed_with(ENODATA) || value.failed_with(EPERM)) continue;
    values.emplace(*shown, TRY(std::move(value)));
  }
  return values;
}

Result<std::string> link_target(View& view, const Place& link) {
  std::string name;
  return sys::read_link(TRY(place_of(view, link, name)));
}

Result<Differences> compare(View& view, const Found& before, const Found& after) {
  const sys::Stat& old_stat = before.top().stat;
  const sys::Stat& new_stat = after.top().stat;
  Differences differs;
  differs.mode = (old_stat.stx_mode & 07777) != (new_stat.stx_mode & 07777);
  differs.owner = old_stat.stx_uid != new_stat.stx_uid || old_stat.stx_gid != new_stat.stx_gid;
  differs.xattrs = TRY(shown_xattrs(view, before.top())) != TRY(shown_xattrs(view, after.top()));
  differs.content = TRY(content_differs(view, before, after));
  return differs;
}

}  // namespace overpass::changes
