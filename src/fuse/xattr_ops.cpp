// SPDX-License-Identifier: MIT
//
// GETXATTR, LISTXATTR, SETXATTR, REMOVEXATTR.

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "fuse/handle.h"
#include "fuse/operations.h"
#include "fuse/status.h"
#include "overlay/change/xattr.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/attributes.h"

namespace overpass::fuse {

namespace {

bool asks_for_status(fuse_ino_t node, const char* name) {
  return node == FUSE_ROOT_ID && std::strcmp(name, kStatusXattr) == 0;
}

void on_getxattr(fuse_req_t request, fuse_ino_t node, const char* name, size_t size) {
  Daemon& daemon = arrived(request, Opcode::Getxattr);
  if (asks_for_status(node, name)) {
    const uid_t asker = fuse_req_ctx(request)->uid;
    answer_now(XattrReply(request, size),
               [&]() -> Result<std::string> { return status(daemon, asker); });
    return;
  }
  answer_now(XattrReply(request, size), [&]() -> Result<XattrValue> {
    XattrValue value(size);
    value.length = TRY(overlay::get_xattr(daemon.overlay, TRY(inode_at(daemon, node)), name,
                                          std::span(value.bytes)));
    return value;
  });
}

void on_listxattr(fuse_req_t request, fuse_ino_t node, size_t size) {
  Daemon& daemon = arrived(request, Opcode::Listxattr);
  answer_now(XattrReply(request, size), [&]() -> Result<std::string> {
    const bool privileged = fuse_req_ctx(request)->uid == 0;
    return overlay::list_xattrs(daemon.overlay, TRY(inode_at(daemon, node)), privileged);
  });
}

/// Whether setting an ACL may leave a set-group-ID bit: for the superuser and members of the file's
/// group. Asked only where there is such a bit, since it reads the caller's groups from /proc.
bool keeps_setgid(Daemon& daemon, fuse_req_t request, const overlay::InodeRef& inode,
                  const char* name) {
  if (std::strcmp(name, "system.posix_acl_access") != 0) return false;
  auto stat = overlay::attributes(daemon.overlay, inode);
  if (!stat || (stat->stx_mode & S_ISGID) == 0) return false;
  const fuse_ctx* context = fuse_req_ctx(request);
  if (context->uid == 0 || context->gid == stat->stx_gid) return true;
  std::vector<gid_t> groups(64);
  int count = fuse_req_getgroups(request, static_cast<int>(groups.size()), groups.data());
  if (count > static_cast<int>(groups.size())) {
    groups.resize(static_cast<size_t>(count));
    count = fuse_req_getgroups(request, static_cast<int>(groups.size()), groups.data());
  }
  if (count < 0) return false;
  groups.resize(std::min(groups.size(), static_cast<size_t>(count)));
  return std::find(groups.begin(), groups.end(), stat->stx_gid) != groups.end();
}

void on_setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
                 size_t size, int flags) {
  Daemon& daemon = arrived(request, Opcode::Setxattr);
  EmptyReply reply(request);
  const overlay::InodeRef inode = daemon.overlay.table.find(overlay::NodeId{node});
  const bool keeps = inode && keeps_setgid(daemon, request, inode, name);
  answer_where(
      inode && overlay::needs_long_copy_for_metadata(daemon.overlay, *inode), std::move(reply),
      [&daemon, inode, flags, keeps, name = std::string(name),
       value = std::string(value, size)]() -> Result<void> {
        if (!inode) return fail(ESTALE);
        return overlay::set_xattr(daemon.overlay, inode, name.c_str(), value, flags, keeps);
      });
}

void on_removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Removexattr);
  EmptyReply reply(request);
  const overlay::InodeRef inode = daemon.overlay.table.find(overlay::NodeId{node});
  answer_where(inode && overlay::needs_long_copy_for_metadata(daemon.overlay, *inode),
               std::move(reply), [&daemon, inode, name = std::string(name)]() -> Result<void> {
                 if (!inode) return fail(ESTALE);
                 return overlay::remove_xattr(daemon.overlay, inode, name.c_str());
               });
}

}  // namespace

void add_xattr_operations(fuse_lowlevel_ops& table) {
  table.getxattr = guarded<on_getxattr>;
  table.listxattr = guarded<on_listxattr>;
  table.setxattr = guarded<on_setxattr>;
  table.removexattr = guarded<on_removexattr>;
}

}  // namespace overpass::fuse
