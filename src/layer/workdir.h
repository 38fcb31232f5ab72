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
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/markers.h"
#include "sys/place.h"

namespace overpass::layer {

/// What the file system of the upper can do, found out by trying it in the workdir.
struct UpperFeatures {
  bool trusted_xattrs = false;
  bool user_xattrs = false;
  bool unnamed_files = false;    ///< O_TMPFILE, and linking it.
  bool rename_whiteout = false;  ///< RENAME_WHITEOUT.
  bool rename_exchange = false;  ///< RENAME_EXCHANGE.
  bool whiteouts = false;        ///< mknod of a character device 0:0.
  bool entry_types = false;      ///< getdents64 says d_type.
  /// A crash of the machine takes back the latest changes of metadata first: what was set on an
  /// object before it was published is not lost when the publication is not.
  bool ordered_metadata = false;

  bool has_xattrs() const { return trusted_xattrs || user_xattrs; }
};

/// How an upper says that a name of its lowers is hidden.
enum class WhiteoutForm {
  Device,  ///< A character device 0:0 of the name.
  Marked,  ///< An empty file of the name, with an attribute.
  Named,   ///< An empty file ".wh.NAME". What the upper has as NAME is shown all the same.
};

/// A directory of the workdir, open for reading.
struct WorkDirectory {
  UniqueFd fd;
  bool was_made = false;  ///< It was not there before.
};

/// Opens `name` in the workdir open at `workdir`, or makes it.
Result<WorkDirectory> open_work_directory(BorrowedFd workdir, const char* name);

/// Removes `name` and, if it is a directory, what is below it. Never leaves the directory.
Result<void> remove_tree(BorrowedFd directory, const char* name);

/// Threads: any; names are handed out atomically.
class Workdir {
 public:
  Workdir() = default;

  /// Makes (if absent) and empties "work" in the workdir open at `workdir`, then probes it.
  static Result<Workdir> prepare(BorrowedFd workdir);

  /// Leaves the workdir as prepare() found it, for a mount that is refused.
  void undo(BorrowedFd workdir);

  /// Tells later mounts that what is written to the upper from now on may be lost.
  Result<void> mark_volatile();

  /// For an upper without device nodes: from now on whiteouts are empty files, with a mark of
  /// `prefix` or, where there are no attributes either, a name that says it.
  Result<void> do_without_devices(Prefix prefix);

  BorrowedFd fd() const { return fd_; }
  const UpperFeatures& features() const { return features_; }
  WhiteoutForm whiteout_form() const { return whiteout_form_; }

  /// A name not in use here.
  std::string temporary_name();

  /// Puts a whiteout under a fresh temporary name, as a link to one shared inode where it can. Not
  /// for the form Named.
  Result<std::string> make_whiteout();

  /// To be called before a whiteout is published in the upper's `directory`.
  Result<void> expect_whiteout(BorrowedFd directory);

  /// Links or makes a whiteout at a free name of a directory of the upper. EEXIST when taken: by
  /// anything, or, in the form Named, by that whiteout. ENAMETOOLONG in that form only.
  Result<void> place_whiteout(BorrowedFd directory, const char* name);

  /// Removes ".wh.NAME" from a directory of the upper that shows NAME, on a file system where there
  /// may be one; fuse-overlayfs takes it to hide NAME itself. Best effort: here it hides nothing.
  void remove_whiteout_name(BorrowedFd directory, const char* name);

  /// Removes a temporary and everything below it. Best effort: what stays is removed at the next
  /// mount.
  void discard(const char* name);

 private:
  Result<void> probe();
  Result<void> create_whiteout(const char* name);

  UniqueFd fd_;
  bool made_ = false;  ///< "work" was not there before.
  UpperFeatures features_;
  WhiteoutForm whiteout_form_ = WhiteoutForm::Device;
  Prefix prefix_ = Prefix::Trusted;  ///< Of the form Marked.
  std::unique_ptr<std::atomic<uint64_t>> next_ = std::make_unique<std::atomic<uint64_t>>(0);
};

/// A temporary name in the workdir that is discarded unless it has been published.
class PendingUpper {
 public:
  explicit PendingUpper(Workdir& workdir) : workdir_(workdir), name_(workdir.temporary_name()) {}
  PendingUpper(Workdir& workdir, std::string name) : workdir_(workdir), name_(std::move(name)) {}
  PendingUpper(const PendingUpper&) = delete;
  PendingUpper& operator=(const PendingUpper&) = delete;
  ~PendingUpper() {
    if (!published_) workdir_.discard(name_.c_str());
  }

  const char* name() const { return name_.c_str(); }
  sys::Place place() const { return {workdir_.fd(), name_.c_str()}; }

  /// Moves the temporary to its place in the upper with RENAME_* `flags`. Beyond this it is
  /// visible; with RENAME_EXCHANGE what was there is now the temporary, and is discarded.
  Result<void> publish(BorrowedFd directory, const char* name, unsigned flags = 0);

 private:
  Workdir& workdir_;
  std::string name_;
  bool published_ = false;
};

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_WORKDIR_H_
