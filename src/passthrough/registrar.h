// SPDX-License-Identifier: MIT
//
// Who registers the backing files of a mount: the daemon itself, where it may; else
// overpass-broker, where there is one; else nobody.

#ifndef OVERPASS_PASSTHROUGH_REGISTRAR_H_
#define OVERPASS_PASSTHROUGH_REGISTRAR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "broker/client.h"

namespace overpass::passthrough {

/// Threads: any, once it is set up.
class Registrar {
 public:
  /// By ioctls of this process.
  void use_own_right(BorrowedFd fuse) { fuse_ = fuse; }

  /// Connects to the broker listening at `path`, or at the usual place when that is empty. Why not,
  /// when there is none; else empty. To be called before mounting: the mount may cover the path,
  /// and nobody serves it yet.
  std::string find_broker(const std::string& path);

  /// Has files of the mount of `fuse` registered by the broker that was found. Why not, when it
  /// refuses; else empty.
  std::string use_broker(BorrowedFd fuse);

  /// The backing id of the file open at `file`, which may be O_PATH. Through the broker it is good
  /// for as much as was asked: for writing, the daemon's user must have the right to write the
  /// file.
  Result<int32_t> open(BorrowedFd file, bool for_writing);

  /// REQUIRES: no open is between its reply and RELEASE.
  void close(int32_t id);

  /// With which flags a file is best opened for open(), if it is for reading: the broker takes no
  /// O_PATH.
  int flags_for_readers() const;

  /// Whether open() has to open a writer's file anew if it is open for writing only.
  bool wants_writers_to_read() const;

  /// "daemon", "broker" or "none".
  const char* name() const;

  /// False for good once the broker has gone.
  bool is_usable() const { return broker_ == nullptr || broker_->is_connected(); }

 private:
  Result<int32_t> ask_broker(BorrowedFd file, bool for_writing);

  BorrowedFd fuse_{-1};
  std::unique_ptr<broker::Client> broker_;
  UniqueFd mount_namespace_;  ///< Kept from find_broker() to use_broker().
};

}  // namespace overpass::passthrough

#endif  // OVERPASS_PASSTHROUGH_REGISTRAR_H_
