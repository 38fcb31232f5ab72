// SPDX-License-Identifier: MIT
//
// ACLs are in the form in which the kernel hands them through xattr calls:
// linux/posix_acl_xattr.h, little endian, a version and entries of 8 bytes.

#include "overlay/state/owners.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <cerrno>
#include <cstring>

namespace overpass::overlay {

namespace {

/// `acl` with the id of each entry for a named user or group replaced by what `user` and `group`
/// give for it; the first error of these.
template <class User, class Group>
Result<std::string> with_ids(std::string_view acl, User user, Group group) {
  std::string out(acl);
  posix_acl_xattr_header header = {};
  if (acl.size() < sizeof header) return out;
  std::memcpy(&header, acl.data(), sizeof header);
  if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION) return out;
  posix_acl_xattr_entry entry = {};
  for (size_t at = sizeof header; at + sizeof entry <= acl.size(); at += sizeof entry) {
    std::memcpy(&entry, acl.data() + at, sizeof entry);
    const unsigned tag = le16toh(entry.e_tag);
    if (tag != ACL_USER && tag != ACL_GROUP) continue;
    const uint32_t id = le32toh(entry.e_id);
    entry.e_id = htole32(tag == ACL_USER ? TRY(user(id)) : TRY(group(id)));
    std::memcpy(out.data() + at, &entry, sizeof entry);
  }
  return out;
}

Result<uint32_t> required(std::optional<uint32_t> id) {
  return id ? Result<uint32_t>(*id) : fail(EOVERFLOW);
}

}  // namespace

void Owners::show(sys::Stat& stat) const {
  stat.stx_uid = squash_user ? *squash_user : users.shown(stat.stx_uid);
  stat.stx_gid = squash_group ? *squash_group : groups.shown(stat.stx_gid);
}

Result<uid_t> Owners::user_on_disk(uid_t shown) const { return required(users.on_disk(shown)); }

Result<gid_t> Owners::group_on_disk(gid_t shown) const { return required(groups.on_disk(shown)); }

std::string Owners::acl_shown(std::string_view on_disk) const {
  auto mapped = with_ids(
      on_disk, [this](uint32_t id) -> Result<uint32_t> { return users.shown(id); },
      [this](uint32_t id) -> Result<uint32_t> { return groups.shown(id); });
  return mapped ? *std::move(mapped) : std::string(on_disk);
}

Result<std::string> Owners::acl_on_disk(std::string_view shown) const {
  return with_ids(
      shown, [this](uint32_t id) { return required(users.on_disk(id)); },
      [this](uint32_t id) { return required(groups.on_disk(id)); });
}

}  // namespace overpass::overlay
