// SPDX-License-Identifier: MIT
//
// The table of attribute names and the readers of each mark.

#include "layer/markers.h"

#include <sys/stat.h>

#include <cstring>

#include "overpass/layer_format.h"
#include "sys/attributes.h"
#include "sys/names.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

using namespace format;

struct Spelling {
  const char* trusted;
  const char* user;
};

constexpr Spelling kSpellings[] = {
    {"trusted.overlay.opaque", "user.overlay.opaque"},
    {"trusted.overlay.redirect", "user.overlay.redirect"},
    {"trusted.overlay.metacopy", "user.overlay.metacopy"},
    {"trusted.overlay.origin", "user.overlay.origin"},
    {"trusted.overlay.impure", "user.overlay.impure"},
    {"trusted.overlay.whiteout", "user.overlay.whiteout"},
    {"trusted.overlay.nlink", "user.overlay.nlink"},
    {"trusted.overlay.protattr", "user.overlay.protattr"},
    {"trusted.overlay.upper", "user.overlay.upper"},
    {"trusted.overlay.uuid", "user.overlay.uuid"},
};

constexpr std::string_view prefix_text(Prefix prefix) {
  return prefix == Prefix::Trusted ? kTrustedPrefix : kUserPrefix;
}

/// Attributes are not there as well where they are not supported or not ours to read. All else
/// (EIO) must not be taken for an absent mark: what it hides would be shown.
bool says_absent(Errno error) {
  switch (to_int(error)) {
    case ENODATA:
    case EOPNOTSUPP:
    case EPERM:
    case EACCES:
      return true;
    default:
      return false;
  }
}

Result<std::optional<size_t>> xattr_size(sys::Place place, const char* name) {
  auto size = sys::get_xattr(place, name, std::span<char>());
  if (size) return std::optional(*size);
  if (says_absent(size.error())) return std::optional<size_t>();
  return fail(size.error());
}

Result<bool> has_xattr(sys::Place place, const char* name) {
  return TRY(xattr_size(place, name)).has_value();
}

/// The owner of a directory need not be allowed to write to it.
template <typename Change>
Result<void> change_directory(sys::Place directory, const Change& change) {
  auto changed = change();
  if (!changed.failed_with(EACCES)) return changed;
  const sys::Stat stat = TRY(sys::stat(directory));
  TRY(sys::change_mode(directory, (stat.stx_mode & 07777) | S_IWUSR | S_IXUSR));
  TRY(change());
  return sys::change_mode(directory, stat.stx_mode & 07777);
}

Result<void> set_opacity(sys::Place directory, char value, Prefix prefix) {
  const char* mark = name_of(Mark::Opaque, prefix);
  return change_directory(directory, [&] { return sys::set_xattr(directory, mark, {&value, 1}); });
}

/// The name, seen from directory.fd, of the file in `directory` that makes it opaque.
std::string opaque_file_of(sys::Place directory) {
  const std::string inside = directory.is_fd() ? "" : std::string(directory.name) + '/';
  return inside + kOpaqueFileName;
}

/// The form of fuse-overlayfs where there are no attributes. The file is not shown, so the
/// directory's times stay.
Result<void> make_opaque_file(sys::Place directory) {
  const std::string file = opaque_file_of(directory);
  const sys::Stat before = TRY(sys::stat(directory));
  auto made = change_directory(
      directory, [&] { return sys::make_node(directory.fd, file.c_str(), S_IFREG | 0600, 0); });
  if (!made) return made.failed_with(EEXIST) ? Result<void>() : made;
  return sys::copy_times(directory, before);
}

}  // namespace

const char* name_of(Mark mark, Prefix prefix) {
  const Spelling& spelling = kSpellings[static_cast<int>(mark)];
  return prefix == Prefix::Trusted ? spelling.trusted : spelling.user;
}

Result<bool> has_mark(sys::Place place, Mark mark, Prefix prefix) {
  return has_xattr(place, name_of(mark, prefix));
}

Result<std::optional<size_t>> mark_size(sys::Place place, Mark mark, Prefix prefix) {
  return xattr_size(place, name_of(mark, prefix));
}

bool is_private_xattr(std::string_view name, Prefix prefix) {
  return name.starts_with(prefix_text(prefix)) || name.starts_with(kFuseOverlayfsPrefix);
}

std::string stored_xattr_name(std::string_view name, Prefix prefix) {
  const std::string_view head = prefix_text(prefix);
  std::string stored(name);
  if (name.starts_with(head)) stored.insert(head.size(), kEscape);
  return stored;
}

std::optional<std::string> shown_xattr_name(std::string_view stored, Prefix prefix) {
  if (!is_private_xattr(stored, prefix)) return std::string(stored);
  const std::string_view head = prefix_text(prefix);
  if (!stored.starts_with(head) || !stored.substr(head.size()).starts_with(kEscape)) return {};
  std::string shown(stored);
  shown.erase(head.size(), std::strlen(kEscape));
  return shown;
}

Result<Opacity> opacity_of(sys::Place place, Prefix prefix, bool foreign) {
  char value[4];
  auto length = sys::get_xattr(place, name_of(Mark::Opaque, prefix), value);
  if (!length && !says_absent(length.error()) && !length.failed_with(ERANGE)) {
    return fail(length.error());
  }
  if (length && *length == 1 && value[0] == kOpaqueYes) return Opacity::Opaque;
  const bool xwhiteouts = length && *length == 1 && value[0] == kOpaqueHasXwhiteouts;
  if (foreign) {
    if (TRY(has_xattr(place, kFuseOverlayfsOpaque))) return Opacity::Opaque;
    auto file = sys::stat({place.fd, opaque_file_of(place).c_str()});
    if (file) return Opacity::Opaque;
    if (!file.failed_with(ENOENT) && !file.failed_with(ENOTDIR) && !file.failed_with(EACCES)) {
      return fail(file.error());
    }
  }
  return xwhiteouts ? Opacity::HasXwhiteouts : Opacity::None;
}

Result<void> set_opaque(sys::Place directory, Prefix prefix) {
  auto set = set_opacity(directory, kOpaqueYes, prefix);
  return set.failed_with(EOPNOTSUPP) ? make_opaque_file(directory) : set;
}

Result<void> set_has_xwhiteouts(sys::Place directory, Prefix prefix) {
  char value = 0;
  const auto length = sys::get_xattr(directory, name_of(Mark::Opaque, prefix), {&value, 1});
  if (length && *length == 1) return {};
  return set_opacity(directory, kOpaqueHasXwhiteouts, prefix);
}

bool is_whiteout(const sys::Stat& stat) {
  return S_ISCHR(stat.stx_mode) && stat.stx_rdev_major == 0 && stat.stx_rdev_minor == 0;
}

Result<bool> is_xwhiteout(sys::Place place, const sys::Stat& stat, Prefix prefix) {
  if (!S_ISREG(stat.stx_mode) || stat.stx_size != 0) return false;
  return has_mark(place, Mark::Whiteout, prefix);
}

Result<bool> hides(sys::Place place, const sys::Stat& stat, Prefix prefix, bool foreign) {
  if (is_whiteout(stat)) return true;
  return foreign ? is_xwhiteout(place, stat, prefix) : false;
}

Result<void> set_xwhiteout(sys::Place place, Prefix prefix) {
  return sys::set_xattr(place, name_of(Mark::Whiteout, prefix), "y");
}

bool is_whiteout_name(std::string_view name) { return name.starts_with(kWhiteoutNamePrefix); }

std::optional<std::string_view> hidden_by(std::string_view name) {
  if (!is_whiteout_name(name)) return {};
  return name.substr(std::strlen(kWhiteoutNamePrefix));
}

std::string whiteout_name_of(std::string_view name) {
  return std::string(kWhiteoutNamePrefix).append(name);
}

}  // namespace overpass::layer
