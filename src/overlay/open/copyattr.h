// SPDX-License-Identifier: MIT
//
// The end of every change of a file's bytes that the daemon makes: what the file below says of
// itself then is taken over into the inode's copy (state/attribute_copy.h), with the inode's mutex
// held and before the caller is answered. docs/copyattr.md has the whole story.

#ifndef OVERPASS_OVERLAY_OPEN_COPYATTR_H_
#define OVERPASS_OVERLAY_OPEN_COPYATTR_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/operation.h"
#include "overlay/state/attribute_copy.h"
#include "overlay/state/inode.h"
#include "overlay/state/transfers.h"

namespace overpass::overlay {

struct Caller;
struct Overlay;
class OpenFile;

/// Gets the number of bytes that were written, 0 for other changes; as Transferred.
using Changed = std::move_only_function<void(Result<size_t>)>;

/// A change of the bytes of an inode's file that is under way: from before it is submitted until
/// copyattr() ends it. What ends without copyattr() ends when this is destroyed, and the disk is
/// asked next time. Nothing is kept of a file that the kernel reads and writes by itself.
/// REQUIRES: a handle of the inode is open as long as this lives.
class ContentChange {
 public:
  /// `end`: where the change ends in the file; nothing where only the disk knows, as of an append.
  /// L: none of rank Inode on entry; so for the destructor.
  ContentChange(Overlay& overlay, InodeRef inode, std::optional<off_t> end);
  ContentChange(ContentChange&& other) noexcept = default;
  ContentChange& operator=(ContentChange&&) = delete;
  ~ContentChange();

  Inode& inode() const { return *inode_; }

  /// Takes away the set-id bits that the change costs, as take_set_ids() does and says. Asks the
  /// disk for the mode only if it may have such bits.
  bool take_set_ids(BorrowedFd file, const Caller& caller) const;

 private:
  friend std::optional<off_t> copyattr(ContentChange& change, BorrowedFd file, bool looks_anyway);
  void end_locked() REQUIRES(inode_->mutex);

  Overlay* overlay_;
  InodeRef inode_;  ///< Null once it was moved from.
  Growth growth_ = Growth::Possible;
  bool is_counted_ = false;  ///< In the inode's copy.
  bool may_have_set_ids_ = true;
};

/// A read of the handle's file by the daemon, which moves the time of access of a file of the
/// upper. REQUIRES: the handle is open as long as this lives and has not ended.
class CountedRead {
 public:
  explicit CountedRead(const OpenFile& file);
  CountedRead(CountedRead&& other) noexcept : inode_(std::move(other.inode_)) {}
  CountedRead& operator=(CountedRead&&) = delete;
  ~CountedRead() { end(); }

  void end();

 private:
  InodeRef inode_;  ///< Null once it has ended, and for a file of a lower.
};

/// The completion of every write, truncation by write, fallocate and copy_file_range: ends the
/// change, and copies the attributes of `file` if no other change is under way. The size on the
/// disk, if it was asked for; `looks_anyway` asks for it in any case.
/// L: the inode's mutex is held.
std::optional<off_t> copyattr(ContentChange& change, BorrowedFd file, bool looks_anyway);

/// Does so for a change that the calling thread has made by itself.
/// L: none of rank Inode on entry.
void copyattr_now(ContentChange change, BorrowedFd file);

/// What `job`, a write or an allocation that is `change`, does at its completion: copyattr(), then
/// `done`. The kernel is told later if bytes that were appended are not where it believes.
Transferred copyattr_then(Overlay& overlay, ContentChange change, const io::Job& job, Changed done);

/// What an fsync does at its completion.
Transferred note_written_out_then(const InodeRef& inode, BorrowedFd file, Transferred done);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_COPYATTR_H_
