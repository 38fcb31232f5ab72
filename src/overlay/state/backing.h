// SPDX-License-Identifier: MIT
//
// Backing ids: files registered with the kernel so that it reads and writes them without the
// daemon. The passthrough folder, behind BackingFiles, knows which process may register them.

#ifndef OVERPASS_OVERLAY_STATE_BACKING_H_
#define OVERPASS_OVERLAY_STATE_BACKING_H_

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/state/clock_cache.h"

namespace overpass::overlay {

/// The opens that a registered file allows.
enum class BackingUse : uint8_t { Read, ReadAndWrite };

/// Threads: any.
class BackingFiles {
 public:
  virtual ~BackingFiles() = default;

  /// Whether anything is passed through at all. Constant once requests are served.
  virtual bool is_available() const = 0;

  /// Registers the file open at `fd`, which may be O_PATH. Fails where the file cannot be passed
  /// through (file system stacked too deep, no privilege); it is then served by the daemon. The
  /// registering side may rely on `use`: a file registered for reading is never given to a writer.
  virtual Result<int32_t> open(BorrowedFd fd, BackingUse use) = 0;

  virtual void close(int32_t id) = 0;

  /// The best flags to open a reader's file for registration: O_PATH or O_RDONLY.
  virtual int flags_for_readers() const { return O_PATH; }

  /// Whether a writer's descriptor can be registered only if it may read as well.
  virtual bool wants_writers_to_read() const { return false; }
};

/// Nothing is passed through.
class NoBackingFiles final : public BackingFiles {
 public:
  bool is_available() const override { return false; }
  Result<int32_t> open(BorrowedFd, BackingUse) override { return fail(EOPNOTSUPP); }
  void close(int32_t) override {}
};

/// A registered file. REQUIRES at its end: no open of its inode is between reply and RELEASE, for
/// the kernel looks the id up after the reply.
class BackingId : public Cached {
 public:
  BackingId(BackingFiles& files, int32_t id) : files_(files), id_(id) {}
  BackingId(const BackingId&) = delete;
  BackingId& operator=(const BackingId&) = delete;
  ~BackingId() { files_.close(id_); }

  int32_t value() const { return id_; }
  size_t weight() const { return 1; }

 private:
  BackingFiles& files_;
  const int32_t id_;
};

using SharedBacking = std::shared_ptr<const BackingId>;

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_BACKING_H_
