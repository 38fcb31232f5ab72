// SPDX-License-Identifier: MIT
//
// The workdir: where files and directories of the upper are prepared under temporary names, to
// appear in the upper complete by one rename or link. Whatever a crash leaves here is removed at
// the next mount.

#ifndef OVERPASS_LAYER_WORKDIR_H_
#define OVERPASS_LAYER_WORKDIR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/markers.h"
#include "layer/write_order.h"
#include "sys/inode_flags.h"
#include "sys/place.h"

namespace overpass::layer {

/// The abilities of the upper's file system, found by trying them in the workdir.
struct UpperFeatures {
  bool trusted_xattrs = false;
  bool user_xattrs = false;
  bool unnamed_files = false;    ///< O_TMPFILE, and linking it.
  bool rename_whiteout = false;  ///< RENAME_WHITEOUT.
  bool rename_exchange = false;  ///< RENAME_EXCHANGE.
  bool whiteouts = false;        ///< mknod of a character device 0:0.
  bool entry_types = false;      ///< getdents64 says d_type.
  bool reflinks = true;          ///< FICLONE; false only if the file system says so.
  WriteOrder write_order;

  bool has_xattrs() const { return trusted_xattrs || user_xattrs; }
};

/// How an upper says that a name of its lowers is hidden.
enum class WhiteoutForm {
  Device,  ///< A character device 0:0 of the name.
  Marked,  ///< An empty file of the name, with an attribute.
  Named,   ///< An empty file ".wh.NAME". What the upper has as NAME is shown all the same.
};

/// The directory "work" in the user's workdir, and what the upper's file system can do. Objects are
/// prepared here under temporary names (PendingUpper), and appear in the upper complete, by one
/// rename or link.
///
/// Invariants:
/// 1. "work" is made anew for each mount and belongs to this mount only; everything in it may be
///    removed at the next mount.
/// 2. temporary_name() never returns a name twice.
/// 3. Features and the form of whiteouts are settled before the mount serves its first request.
///
/// Threads: prepare(), undo() and do_without_devices() by the thread that mounts, before the others
/// start; mark_volatile() at INIT. The rest by any thread: it changes no member but an atomic
/// counter. No locks.
class Workdir {
 public:
  Workdir() = default;

  /// Makes "work" anew in the workdir open at `workdir`, as a directory of the daemon's own, and
  /// probes it. What was there before is removed: see remove_former_directory() for the errors.
  static Result<Workdir> prepare(BorrowedFd workdir);

  /// What is settled before the first request.
  struct Settled {
    UpperFeatures features = {};
    WhiteoutForm whiteout_form = WhiteoutForm::Device;
    Prefix prefix = Prefix::Trusted;  ///< Of the form Marked.
    std::optional<sys::Heritage> heritage = {};
  };

  /// For a mount that another program has served: "work" is open at `work`, as it is.
  static Workdir adopt(UniqueFd work, const Settled& settled);
  Settled settled() const { return {features_, whiteout_form_, prefix_, heritage_}; }

  /// Leaves the workdir as prepare() found it, for a mount that is refused.
  void undo(BorrowedFd workdir);

  /// Tells later mounts that writes to the upper from now on may be lost. Each daemon of a mount
  /// may do it.
  Result<void> mark_volatile();

  /// For an upper without device nodes: from now on whiteouts are empty files, with a mark of
  /// `prefix` or, where there are no attributes either, a name that says it.
  Result<void> do_without_devices(Prefix prefix);

  BorrowedFd fd() const { return fd_ ? fd_->get() : BorrowedFd(); }
  const std::shared_ptr<const UniqueFd>& shared_fd() const { return fd_; }
  const UpperFeatures& features() const { return features_; }
  WhiteoutForm whiteout_form() const { return whiteout_form_; }

  /// A name not in use here.
  std::string temporary_name();

  /// Removes what a former daemon of this mount has left under temporary names. Best effort. Before
  /// any name is used.
  void discard_all() const;

  /// Objects made in the workdir inherit this; nothing if the file system has no such inheritance.
  const std::optional<sys::Heritage>& heritage() const { return heritage_; }

  /// Puts a whiteout at a place in the workdir, as a link to one shared inode where it can. Not for
  /// the form Named.
  Result<void> make_whiteout(sys::Place place);

  /// Call this before a whiteout is published in the upper's `directory`.
  Result<void> expect_whiteout(BorrowedFd directory);

  /// Links or makes a whiteout at a free name of a directory of the upper. EEXIST when taken: by
  /// anything, or, in the form Named, by that whiteout. ENAMETOOLONG in that form only.
  Result<void> place_whiteout(BorrowedFd directory, const char* name);

  /// Removes ".wh.NAME" from a directory of the upper that shows NAME, on a file system where there
  /// may be one; fuse-overlayfs takes it to hide NAME itself. Best effort: here it hides nothing.
  void remove_whiteout_name(BorrowedFd directory, const char* name);

  /// The error to report when making something in the workdir failed. "work" itself may be gone,
  /// since a later mount of kernel overlayfs removes it, and ENOENT would speak of the caller's
  /// name. EIO then, and a line in the log.
  static Result<void> told(Result<void> made);

  /// Removes a temporary of the workdir, or of a directory in it, and everything below it. Best
  /// effort: what stays is removed at the next mount.
  static void discard(sys::Place place);

 private:
  Result<void> probe();
  bool makes_whiteouts();
  Result<void> create_whiteout(sys::Place place);

  /// Shared with the temporaries, which may outlive this (a freeze puts another in its place).
  std::shared_ptr<const UniqueFd> fd_;
  bool was_there_ = false;  ///< "work", before.
  UpperFeatures features_;
  std::optional<sys::Heritage> heritage_;
  WhiteoutForm whiteout_form_ = WhiteoutForm::Device;
  Prefix prefix_ = Prefix::Trusted;  ///< Of the form Marked.
  std::unique_ptr<std::atomic<uint64_t>> next_ = std::make_unique<std::atomic<uint64_t>>(0);
};

class PendingUpper;

/// A directory in the workdir for temporaries that are not to be made in "work" itself.
struct Scratch {
  std::unique_ptr<PendingUpper> temporary;  ///< Its name.
  UniqueFd fd;                              ///< Open for reading.
};

/// A temporary name in the workdir that is discarded unless it has been published.
class PendingUpper {
 public:
  /// In "work", or in `scratch`, which this keeps alive.
  explicit PendingUpper(Workdir& workdir, std::shared_ptr<const Scratch> scratch = nullptr)
      : scratch_(std::move(scratch)),
        workdir_(workdir.shared_fd()),
        directory_(scratch_ ? scratch_->fd.get() : workdir.fd()),
        name_(workdir.temporary_name()) {}
  PendingUpper(const PendingUpper&) = delete;
  PendingUpper& operator=(const PendingUpper&) = delete;
  ~PendingUpper() {
    if (!published_) Workdir::discard(place());
  }

  const char* name() const { return name_.c_str(); }
  BorrowedFd directory() const { return directory_; }
  sys::Place place() const { return {directory_, name_.c_str()}; }

  /// Moves the temporary to its place in the upper with RENAME_* `flags`. Beyond this it is
  /// visible; with RENAME_EXCHANGE what was there is now the temporary, and is discarded.
  Result<void> publish(BorrowedFd directory, const char* name, unsigned flags = 0);

 private:
  std::shared_ptr<const Scratch> scratch_;
  std::shared_ptr<const UniqueFd> workdir_;  ///< Kept open.
  BorrowedFd directory_;
  std::string name_;
  bool published_ = false;
};

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_WORKDIR_H_
