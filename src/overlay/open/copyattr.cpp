// SPDX-License-Identifier: MIT
//
// A completion runs on the thread that serves all transfers, so it must not wait for an inode's
// mutex, which may be held over a truncation that takes long. If another thread has it, a worker
// waits instead, and answers.

#include "overlay/open/copyattr.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <memory>
#include <utility>

#include "base/try_lock.h"
#include "overlay/find/copied_attributes.h"
#include "overlay/find/set_ids.h"
#include "overlay/open/open_file.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/overlay.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

Growth growth_of(const AttributeCopy& copy, std::optional<off_t> end) {
  const std::optional<off_t> size = copy.size();
  return end && size && *end <= *size ? Growth::None : Growth::Possible;
}

/// A change whose job has ended, until it is answered.
class Completion {
 public:
  Completion(Overlay& overlay, ContentChange change, const io::Job& job, Changed done)
      : overlay_(overlay),
        change_(std::move(change)),
        pin_(job.pin),
        file_(job.fd),
        offset_(job.offset),
        is_append_((job.rw_flags & RWF_APPEND) != 0),
        is_remote_(overlay.stack.upper().is_remote),
        done_(std::move(done)) {}

  void set_outcome(Result<size_t> moved) { moved_ = moved; }
  bool is_answered() const { return done_ == nullptr; }

  /// Whether it could be done without waiting for the inode's mutex.
  bool try_to_finish() {
    std::optional<off_t> size;
    {
      const TryLock lock(change_->inode().mutex);
      if (!lock.is_held()) return false;
      size = copy_locked();
    }
    answer(size);
    return true;
  }

  void finish() {
    std::optional<off_t> size;
    {
      Lock lock(change_->inode().mutex);
      size = copy_locked();
    }
    answer(size);
  }

 private:
  /// A file server is not asked while its caller waits.
  std::optional<off_t> copy_locked() {
    return copyattr(*change_, file_, /*looks_anyway=*/is_append_ && moved_ && !is_remote_);
  }

  /// If a caller appends while the file grows outside the mount, its bytes land at another place
  /// than the kernel assumes, which placed them at the end that it knew.
  void answer(std::optional<off_t> size) {
    const NodeId node = change_->inode().id;
    change_.reset();  // The open handle keeps the inode, which must not outlast the union here.
    std::exchange(done_, nullptr)(moved_);  // The handle may be gone from here on.
    if (!is_append_ || !moved_) return;
    if (is_remote_) {
      const auto stat = sys::stat(sys::place_of(file_));
      if (stat) size = static_cast<off_t>(stat->stx_size);
    }
    const off_t end = offset_ + static_cast<off_t>(*moved_);
    if (size != end) overlay_.mount.attributes_changed_later(node);
  }

  Overlay& overlay_;
  std::optional<ContentChange> change_;  ///< Until it is answered.
  const std::shared_ptr<const void> pin_;
  const BorrowedFd file_;
  const off_t offset_;
  const bool is_append_;
  const bool is_remote_;
  Result<size_t> moved_ = size_t{0};
  Changed done_;
};

/// For a worker. If it is dropped the change is answered all the same, since it was made.
class HandedOver {
 public:
  explicit HandedOver(std::unique_ptr<Completion> completion)
      : completion_(std::move(completion)) {}
  HandedOver(HandedOver&&) noexcept = default;
  HandedOver& operator=(HandedOver&&) = delete;
  ~HandedOver() {
    if (completion_ != nullptr && !completion_->is_answered()) completion_->finish();
  }

  void operator()() { completion_->finish(); }

 private:
  std::unique_ptr<Completion> completion_;
};

/// Of an fsync that began at `version`. The next one says it again if the mutex is not free.
void note_written_out(Inode& inode, BorrowedFd file, uint64_t version) NO_THREAD_SAFETY_ANALYSIS {
  // ext4 then has allocated all blocks, and keeps none in store behind the end.
  const auto kind = sys::file_system_magic(file);
  if (!kind || *kind != EXT4_SUPER_MAGIC) return;
  const TryLock lock(inode.mutex);
  if (lock.is_held() && inode.opens->copy) inode.opens->copy->note_written_out(version);
}

}  // namespace

ContentChange::ContentChange(Overlay& overlay, InodeRef inode, std::optional<off_t> end)
    : overlay_(&overlay), inode_(std::move(inode)) {
  Lock lock(inode_->mutex);
  OpenMode& opens = *inode_->opens;
  if (opens.is_passed_through()) return;
  make_copy(overlay, *inode_);
  if (opens.copy == nullptr) return;
  growth_ = growth_of(*opens.copy, end);
  opens.copy->begin(growth_);
  is_counted_ = true;
  const bool is_known = usable_copy(*inode_) != nullptr;
  may_have_set_ids_ = !is_known || opens.copy->may_have_set_ids();
}

ContentChange::~ContentChange() {
  if (!inode_ || !is_counted_) return;
  Lock lock(inode_->mutex);
  end_locked();
}

void ContentChange::end_locked() {
  if (!std::exchange(is_counted_, false)) return;
  if (AttributeCopy* copy = inode_->opens->copy.get()) copy->end(growth_);
}

bool ContentChange::take_set_ids(BorrowedFd file, const Caller& caller) const {
  return may_have_set_ids_ && overlay::take_set_ids(*overlay_, sys::place_of(file), caller);
}

CountedRead::CountedRead(const OpenFile& file) NO_THREAD_SAFETY_ANALYSIS {
  if (file.layer() != layer::kUpper) return;
  inode_ = file.inode();
  inode_->opens->reads.begin();
}

void CountedRead::end() NO_THREAD_SAFETY_ANALYSIS {
  if (!inode_) return;
  inode_->opens->reads.end();
  inode_.reset();
}

std::optional<off_t> copyattr(ContentChange& change, BorrowedFd file,
                              bool looks_anyway) NO_THREAD_SAFETY_ANALYSIS {
  Inode& inode = *change.inode_;
  change.end_locked();
  const AttributeCopy* copy = usable_copy(inode);
  const bool can_keep = copy != nullptr && !copy->is_changing();
  if (!can_keep && !looks_anyway) return {};
  const auto stat = look_at(inode, sys::place_of(file));
  return stat ? std::optional(static_cast<off_t>(stat->stx_size)) : std::nullopt;
}

void copyattr_now(ContentChange change, BorrowedFd file) {
  Lock lock(change.inode().mutex);
  copyattr(change, file, /*looks_anyway=*/false);
}

Transferred copyattr_then(Overlay& overlay, ContentChange change, const io::Job& job,
                          Changed done) {
  auto completion = std::make_unique<Completion>(overlay, std::move(change), job, std::move(done));
  return [&overlay, completion = std::move(completion)](Result<std::span<char>> bytes) mutable {
    completion->set_outcome(bytes ? Result<size_t>(bytes->size()) : fail(bytes.error()));
    if (completion->try_to_finish()) return;
    try {
      overlay.mount.submit(HandedOver(std::move(completion)));
    } catch (const std::bad_alloc&) {
      // It was finished as it was dropped.
    }
  };
}

Transferred note_written_out_then(const InodeRef& inode, BorrowedFd file, Transferred done) {
  std::optional<uint64_t> version;
  {
    Lock lock(inode->mutex);
    const AttributeCopy* copy = usable_copy(*inode);
    if (copy != nullptr && !copy->is_changing()) version = copy->version();
  }
  if (!version) return done;
  return [inode = InodeRef(inode), file, version = *version,
          done = std::move(done)](Result<std::span<char>> bytes) mutable {
    if (bytes) note_written_out(*inode, file, version);
    inode.reset();  // As above.
    done(bytes);
  };
}

}  // namespace overpass::overlay
