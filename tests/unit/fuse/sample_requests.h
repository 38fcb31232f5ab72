// SPDX-License-Identifier: MIT
//
// One request of each opcode that has a handler, as the kernel sends it.

#ifndef OVERPASS_TESTS_UNIT_FUSE_SAMPLE_REQUESTS_H_
#define OVERPASS_TESTS_UNIT_FUSE_SAMPLE_REQUESTS_H_

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "raw_requests.h"

namespace overpass::unit {

struct Sample {
  std::string name;
  uint32_t opcode;
  std::string payload;
  bool uses_handle = false;  ///< The payload has the number of an open file.
  bool uses_node = true;     ///< ESTALE if the node is unknown.
};

/// To be sent to a directory, or to a file if they use `handle`; `node` is a file's.
inline std::vector<Sample> sample_requests(uint64_t node, uint64_t handle) {
  const std::string name = name_of("name"), other = name_of("other");
  const fuse_read_in list = {.size = 4096};
  fuse_setattr_in chmod = {};
  chmod.valid = FATTR_MODE;
  chmod.mode = 0640;
  fuse_lk_in lock = {};
  lock.fh = handle;
  lock.owner = 7;
  lock.lk.type = F_WRLCK;
  lock.lk_flags = FUSE_LK_FLOCK;
  const fuse_copy_file_range_in copy = {
      .fh_in = handle, .nodeid_out = node, .fh_out = handle, .off_out = 8, .len = 4};
  return {
      {"lookup", FUSE_LOOKUP, name},
      {"getattr", FUSE_GETATTR, bytes_of(fuse_getattr_in{})},
      {"statx", kStatx, bytes_of(StatxIn{})},
      {"setattr", FUSE_SETATTR, bytes_of(chmod)},
      {"readlink", FUSE_READLINK, ""},
      {"statfs", FUSE_STATFS, "", false, false},
      {"mknod", FUSE_MKNOD, bytes_of(fuse_mknod_in{.mode = S_IFIFO | 0600}) + name},
      {"mkdir", FUSE_MKDIR, bytes_of(fuse_mkdir_in{.mode = 0755}) + name},
      {"symlink", FUSE_SYMLINK, name + other},
      {"link", FUSE_LINK, bytes_of(fuse_link_in{.oldnodeid = node}) + name},
      {"unlink", FUSE_UNLINK, name},
      {"rmdir", FUSE_RMDIR, name},
      {"rename", FUSE_RENAME, bytes_of(fuse_rename_in{.newdir = kRootId}) + name + other},
      {"rename2", FUSE_RENAME2, bytes_of(fuse_rename2_in{.newdir = kRootId}) + name + other},
      {"open", FUSE_OPEN, bytes_of(fuse_open_in{.flags = O_RDWR})},
      {"create", FUSE_CREATE, bytes_of(fuse_create_in{.flags = O_RDWR, .mode = 0600}) + name},
      {"tmpfile", FUSE_TMPFILE, bytes_of(fuse_create_in{.flags = O_RDWR, .mode = 0600}) + name},
      {"opendir", FUSE_OPENDIR, bytes_of(fuse_open_in{}), false, false},
      {"readdir", FUSE_READDIR, bytes_of(list)},
      {"readdirplus", FUSE_READDIRPLUS, bytes_of(list)},
      {"releasedir", FUSE_RELEASEDIR, bytes_of(fuse_release_in{}), false, false},
      {"fsyncdir", FUSE_FSYNCDIR, bytes_of(fuse_fsync_in{})},
      {"setxattr", FUSE_SETXATTR, bytes_of(SetxattrIn{5, 0}) + name_of("user.a") + "value"},
      {"getxattr", FUSE_GETXATTR, bytes_of(fuse_getxattr_in{.size = 64}) + name_of("user.a")},
      {"listxattr", FUSE_LISTXATTR, bytes_of(fuse_getxattr_in{.size = 64})},
      {"removexattr", FUSE_REMOVEXATTR, name_of("user.a")},
      {"ioctl", FUSE_IOCTL, bytes_of(fuse_ioctl_in{.cmd = FS_IOC_GETFLAGS, .out_size = 4})},
      {"read", FUSE_READ, bytes_of(fuse_read_in{.fh = handle, .size = 4096}), true, false},
      {"write", FUSE_WRITE, bytes_of(fuse_write_in{.fh = handle, .size = 4}) + "text", true, false},
      {"fsync", FUSE_FSYNC, bytes_of(fuse_fsync_in{.fh = handle}), true, false},
      {"fallocate", FUSE_FALLOCATE, bytes_of(fuse_fallocate_in{.fh = handle, .length = 64}), true,
       false},
      {"lseek", FUSE_LSEEK, bytes_of(fuse_lseek_in{.fh = handle, .whence = SEEK_DATA}), true,
       false},
      {"copy_file_range", FUSE_COPY_FILE_RANGE, bytes_of(copy), true, false},
      {"copy_file_range_64", kCopyFileRange64, bytes_of(copy), true, false},
      {"setlk", FUSE_SETLK, bytes_of(lock), true, false},
      {"setlkw", FUSE_SETLKW, bytes_of(lock), true, false},
      {"forget", FUSE_FORGET, bytes_of(fuse_forget_in{.nlookup = 1}), false, false},
      {"batch_forget", FUSE_BATCH_FORGET,
       bytes_of(fuse_batch_forget_in{.count = 1}) + bytes_of(fuse_forget_one{.nodeid = 99}), false,
       false},
      {"release", FUSE_RELEASE, bytes_of(fuse_release_in{.fh = handle}), true, false},
  };
}

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_FUSE_SAMPLE_REQUESTS_H_
