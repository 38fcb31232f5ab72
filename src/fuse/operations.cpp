// SPDX-License-Identifier: MIT
//
// Puts the table together.

#include "fuse/operations.h"

#include "fuse/daemon.h"
#include "fuse/negotiate.h"
#include "sys/calls.h"
#include "sys/proc.h"

namespace overpass::fuse {

namespace {

/// Only a mount that succeeded leaves the mark.
void mark_volatile(Daemon& daemon) {
  if (daemon.failed || !daemon.options.is_volatile || !daemon.overlay.stack.has_upper()) return;
  if (daemon.overlay.stack.workdir.mark_volatile()) return;
  daemon.failed = Problem{"the workdir cannot be marked as that of a volatile mount",
                          "it has to be writable and on a file system with free space"};
}

}  // namespace

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops table = {};
  table.init = [](void* data, fuse_conn_info* connection) {
    Daemon& daemon = *static_cast<Daemon*>(data);
    try {
      negotiate(daemon, *connection);
      agree_as_before(daemon, *connection);
      mark_volatile(daemon);
      // From here on no relative path is needed. Without calls that take a directory, the current
      // directory must be that of the open files.
      if (!sys::newer_calls().xattrat) (void)sys::stand_in_own_files();
    } catch (const std::exception& reason) {
      daemon.failed = Problem{reason.what(), {}};
    }
    if (daemon.failed) fuse_session_exit(daemon.session);
  };
  add_lookup_operations(table);
  add_attribute_operations(table);
  add_namespace_operations(table);
  add_directory_operations(table);
  add_xattr_operations(table);
  add_open_operations(table);
  add_file_operations(table);
  return table;
}

}  // namespace overpass::fuse
