// SPDX-License-Identifier: MIT

#include "overlay/state/attribute_copy.h"

#include <sys/stat.h>

#include <cassert>

namespace overpass::overlay {

namespace {

constexpr uint32_t kHugePage = uint32_t{1} << 20;

}  // namespace

std::optional<uint32_t> ReadCount::if_none_under_way() const {
  // One that begins in between ends with another count.
  const uint32_t ended = ended_.load(std::memory_order_acquire);
  const uint32_t begun = begun_.load(std::memory_order_acquire);
  return begun == ended ? std::optional(ended) : std::nullopt;
}

void AttributeCopy::begin(Growth growth) {
  ++version_;
  ++changing_;
  if (growth == Growth::Possible) ++extending_;
  is_written_out_ = false;
}

void AttributeCopy::end(Growth growth) {
  assert(changing_ > 0);
  ++version_;
  --changing_;
  if (growth == Growth::Possible) {
    assert(extending_ > 0);
    --extending_;
    has_size_ = false;
  }
  forget_rest();
}

void AttributeCopy::outdate() {
  may_have_set_ids_ = true;
  forget_rest();
}

void AttributeCopy::outdate_content() {
  ++version_;
  has_size_ = false;
  is_written_out_ = false;
  forget_rest();
}

void AttributeCopy::note_written_out(uint64_t version) {
  if (version == version_ && !is_changing()) is_written_out_ = true;
}

void AttributeCopy::copy(const sys::Stat& stat, std::optional<uint32_t> reads) {
  if (is_changing()) return;
  size_ = stat.stx_size;
  blocks_ = stat.stx_blocks;
  flags_ = stat.stx_attributes;
  known_flags_ = stat.stx_attributes_mask;
  ino_ = stat.stx_ino;
  access_ = from(stat.stx_atime);
  modification_ = from(stat.stx_mtime);
  change_ = from(stat.stx_ctime);
  birth_ = from(stat.stx_btime);
  mask_ = stat.stx_mask;
  nlink_ = stat.stx_nlink;
  uid_ = stat.stx_uid;
  gid_ = stat.stx_gid;
  block_size_ = stat.stx_blksize;
  device_major_ = stat.stx_dev_major;
  device_minor_ = stat.stx_dev_minor;
  mode_ = stat.stx_mode;
  may_have_set_ids_ = (stat.stx_mode & (S_ISUID | S_ISGID)) != 0;
  reads_ = reads.value_or(0);
  has_access_ = reads.has_value();
  has_size_ = has_rest_ = true;
  // A file with huge pages gives back what of the last one is not used, when memory is short.
  has_blocks_ = is_written_out_ || (!allocates_late_ && stat.stx_blksize < kHugePage);
}

std::optional<sys::Stat> AttributeCopy::settled(uint32_t reads) const {
  const bool is_whole = has_size_ && has_rest_ && has_blocks_ && has_access_ && reads == reads_;
  return is_whole ? std::optional(stat()) : std::nullopt;
}

std::optional<sys::Stat> AttributeCopy::settled_content() const {
  return !is_changing() && has_size_ && has_rest_ ? std::optional(stat()) : std::nullopt;
}

std::optional<off_t> AttributeCopy::size() const {
  return has_size_ && extending_ == 0 ? std::optional(static_cast<off_t>(size_)) : std::nullopt;
}

sys::Stat AttributeCopy::stat() const {
  constexpr uint32_t kKept = STATX_BASIC_STATS | STATX_BTIME;
  sys::Stat stat = {};
  stat.stx_size = size_;
  stat.stx_blocks = blocks_;
  stat.stx_attributes = flags_;
  stat.stx_attributes_mask = known_flags_;
  stat.stx_ino = ino_;
  stat.stx_atime = to(access_);
  stat.stx_mtime = to(modification_);
  stat.stx_ctime = to(change_);
  stat.stx_btime = to(birth_);
  stat.stx_mask = mask_ & kKept;
  stat.stx_nlink = nlink_;
  stat.stx_uid = uid_;
  stat.stx_gid = gid_;
  stat.stx_blksize = block_size_;
  stat.stx_dev_major = device_major_;
  stat.stx_dev_minor = device_minor_;
  stat.stx_mode = mode_;
  return stat;
}

}  // namespace overpass::overlay
