// SPDX-License-Identifier: MIT
//
// New objects of the union: files, directories, symbolic links, nodes, unnamed files, and further
// names of files there are.

#ifndef OVERPASS_OVERLAY_CHANGE_CREATE_H_
#define OVERPASS_OVERLAY_CHANGE_CREATE_H_

#include "base/result.h"
#include "overlay/open/open_file.h"
#include "overlay/state/caller.h"
#include "overlay/state/entry.h"

namespace overpass::overlay {

struct Overlay;

/// A new file and the handle it is open with.
struct Created {
  Entry entry;
  Opened opened;
};

// All of these copy the directory up first and give the new object to the caller, with the group,
// mode and ACL that the directory's set-group-ID bit and default ACL and the caller's umask make.
// EPERM for names of the format (".wh."). A failure leaves the name as it was.
// REQUIRES: the union does not show the name: the VFS has looked. EEXIST if the upper has the name
// all the same.
// L: none on entry; the directory's names are held exclusively inside.

Result<Created> create_file(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                            const char* name, int flags, mode_t mode);

Result<Entry> make_directory(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                             const char* name, mode_t mode);

/// `mode` with the S_IFMT bits. EPERM for a character device 0:0, which would be a whiteout.
Result<Entry> make_node(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                        const char* name, mode_t mode, dev_t device);

Result<Entry> make_symlink(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                           const char* name, const char* target);

/// O_TMPFILE: EOPNOTSUPP where the upper's file system has none.
Result<Created> create_unnamed(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                               int flags, mode_t mode);

/// Another name for `inode`, which is copied up first. kMustWait as for copy_up_metadata().
Result<Entry> make_link(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                        const InodeRef& directory, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_CREATE_H_
