// SPDX-License-Identifier: MIT
//
// Looks whether there is anything to dress for, and dresses.

#include "overlay/copy_up/staging_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <string>

#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/inode_flags.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

constexpr char kDefaultAcl[] = "system.posix_acl_default";
constexpr char kLabel[] = "security.selinux";

/// The properties in which a directory differs from "work".
struct Difference {
  std::optional<sys::Stat> setgid;  ///< The directory that hands down its group.
  std::optional<std::string> default_acl;
  std::optional<std::string> label;
  std::optional<sys::Heritage> heritage;

  bool is_any() const { return setgid || default_acl || label || heritage; }
};

Result<std::optional<std::string>> attribute_of(sys::Place place, const char* name) {
  auto value = sys::get_xattr(place, name);
  if (value) return std::optional(std::move(*value));
  if (value.failed_with(ENODATA) || value.failed_with(EOPNOTSUPP)) {
    return std::optional<std::string>();
  }
  return fail(value.error());
}

/// If the directory may not be read (an ordinary user's own), the workdir's is assumed.
std::optional<sys::Heritage> heritage_to_take(const layer::Workdir& workdir, BorrowedFd directory) {
  if (!workdir.heritage()) return {};
  const auto readable = sys::open_for_listing(directory);
  const auto heritage = readable ? sys::heritage_of(*readable) : fail(readable.error());
  return heritage && *heritage != *workdir.heritage() ? std::optional(*heritage) : std::nullopt;
}

Result<Difference> difference(const layer::Workdir& workdir, BorrowedFd directory, Making making) {
  Difference found;
  found.heritage = heritage_to_take(workdir, directory);
  if (making == Making::Copy) return found;
  const sys::Place model = sys::place_of(directory);
  const sys::Stat stat = TRY(sys::stat(model));
  if ((stat.stx_mode & S_ISGID) != 0) found.setgid = stat;
  found.default_acl = TRY(attribute_of(model, kDefaultAcl));
  // Without labels "work" has none.
  const auto own_label = TRY(attribute_of(sys::place_of(workdir.fd()), kLabel));
  if (own_label) found.label = TRY(attribute_of(model, kLabel));
  if (found.label == own_label) found.label.reset();
  return found;
}

Result<void> dress(const layer::Scratch& scratch, const Difference& wanted) {
  const sys::Place place = sys::place_of(scratch.fd);
  if (wanted.heritage) (void)sys::set_heritage(scratch.fd, *wanted.heritage);
  // A policy may forbid it; the object then has the label of the workdir.
  if (wanted.label) (void)sys::set_xattr(place, kLabel, *wanted.label);
  if (wanted.setgid) TRY(sys::change_owner(place, static_cast<uid_t>(-1), wanted.setgid->stx_gid));
  const sys::KeepingSetgid keeping(wanted.setgid.has_value());
  TRY(sys::change_mode(place, wanted.setgid ? 02700 : 0700));
  if (wanted.default_acl) TRY(sys::set_xattr(place, kDefaultAcl, *wanted.default_acl));
  return {};
}

}  // namespace

Result<std::shared_ptr<const layer::Scratch>> scratch_like(layer::Workdir& workdir,
                                                           BorrowedFd directory, Making making) {
  const Difference wanted = TRY(difference(workdir, directory, making));
  if (!wanted.is_any()) return std::shared_ptr<const layer::Scratch>();
  auto scratch = std::make_shared<layer::Scratch>();
  scratch->temporary = std::make_unique<layer::PendingUpper>(workdir);
  const char* name = scratch->temporary->name();
  TRY(layer::Workdir::told(sys::make_directory(workdir.fd(), name, 0700)));
  scratch->fd = TRY(sys::open_at(workdir.fd(), name, O_RDONLY | O_DIRECTORY));
  TRY(dress(*scratch, wanted));
  return std::shared_ptr<const layer::Scratch>(std::move(scratch));
}

}  // namespace overpass::overlay
