// SPDX-License-Identifier: MIT
//
// What the disk last said of a file that the daemon writes to, and how much of it still holds.
//
// The daemon alone changes the files of the upper, so what it has read of one stays right until it
// changes the file itself. Two things would change the answer without a call of the daemon, and are
// kept apart. Reading moves the time of the last access, where the mount says so. And a file system
// that allocates blocks late changes their number when it writes pages out.

#ifndef OVERPASS_OVERLAY_STATE_ATTRIBUTE_COPY_H_
#define OVERPASS_OVERLAY_STATE_ATTRIBUTE_COPY_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "sys/stat.h"

namespace overpass::overlay {

/// The daemon's reads of one file. A read moves the time of access at some moment between its
/// begin() and its end(). Threads: any.
class ReadCount {
 public:
  void begin() { begun_.fetch_add(1, std::memory_order_acq_rel); }
  void end() { ended_.fetch_add(1, std::memory_order_acq_rel); }

  /// How many have ended.
  uint32_t ended() const { return ended_.load(std::memory_order_acquire); }
  /// The same, if none is under way.
  std::optional<uint32_t> if_none_under_way() const;

 private:
  std::atomic<uint32_t> begun_ = 0, ended_ = 0;
};

/// Whether a change of the bytes leaves the file's size.
enum class Growth : uint8_t { None, Possible };

/// The copy of one file's attributes. A change of the bytes is under way from begin() to end(),
/// which come in pairs, any number at a time. Every other change of the file is made with the
/// inode's mutex held, or is followed by outdate() before anyone is told of it.
///
/// Invariants:
/// 1. What is copied was on the disk when no change was under way.
/// 2. What settled() returns is the file's state before all changes that are under way, and after
///    all that have ended.
/// 3. size() is not below the end of any write that has ended, unless a truncation came later.
///
/// Threads: guarded by the inode's mutex. Makes no system call.
class AttributeCopy {
 public:
  /// `allocates_late`: the file system allocates blocks when it writes pages out.
  explicit AttributeCopy(bool allocates_late) : allocates_late_(allocates_late) {}

  void begin(Growth growth);
  /// The change has ended, whether it failed or not.
  void end(Growth growth);

  /// Anything but bytes and size has changed, by chmod(2), link(2) and the like.
  void outdate();
  /// The size was set.
  void outdate_content();

  bool is_changing() const { return changing_ > 0; }
  /// Another number after each change of bytes or size has begun or ended.
  uint64_t version() const { return version_; }

  /// Whether the file may have set-id bits, which a change of its bytes may cost.
  bool may_have_set_ids() const { return may_have_set_ids_; }
  /// The file was just made without them.
  void note_no_set_ids() { may_have_set_ids_ = false; }

  /// The pages that were written up to version() == `version` are on the disk: their blocks are
  /// allocated.
  void note_written_out(uint64_t version);

  /// Takes `stat`, which the disk has said under the mutex that is still held, unless a change is
  /// under way. `reads`: of ReadCount before the disk was asked; nothing while reads are under way.
  void copy(const sys::Stat& stat, std::optional<uint32_t> reads);

  /// All attributes, as the disk would tell them now; nothing if some may be others by now.
  /// `reads`: ReadCount::ended().
  std::optional<sys::Stat> settled(uint32_t reads) const;
  /// The same without the number of blocks and the time of access, which may be wrong.
  std::optional<sys::Stat> settled_content() const;
  /// Nothing while it is unstable, from the submission of a write that may extend the file on.
  std::optional<off_t> size() const;

 private:
  struct Time {
    int64_t seconds = 0;
    uint32_t nanoseconds = 0;
  };
  static Time from(const statx_timestamp& time) { return {time.tv_sec, time.tv_nsec}; }
  static statx_timestamp to(const Time& time) { return {time.seconds, time.nanoseconds, {}}; }

  sys::Stat stat() const;
  void forget_rest() { has_rest_ = has_blocks_ = false; }

  uint64_t version_ = 0;
  uint64_t size_ = 0, blocks_ = 0;
  uint64_t flags_ = 0, known_flags_ = 0;  ///< STATX_ATTR_*.
  uint64_t ino_ = 0;
  Time access_, modification_, change_, birth_;
  uint32_t mask_ = 0;  ///< STATX_*.
  uint32_t nlink_ = 0;
  uint32_t uid_ = 0, gid_ = 0;
  uint32_t block_size_ = 0;
  uint32_t device_major_ = 0, device_minor_ = 0;
  uint32_t reads_ = 0;
  uint16_t mode_ = 0;

  uint16_t changing_ = 0;   ///< Changes under way.
  uint16_t extending_ = 0;  ///< Those of them that may extend the file: the size is unstable.
  const bool allocates_late_;
  bool has_size_ = false;
  bool has_rest_ = false;  ///< All but the size, blocks and time of access.
  bool has_blocks_ = false;
  bool has_access_ = false;
  bool is_written_out_ = false;
  bool may_have_set_ids_ = true;  ///< Changes of bytes and size add none.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_ATTRIBUTE_COPY_H_
