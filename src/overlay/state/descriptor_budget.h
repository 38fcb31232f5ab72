// SPDX-License-Identifier: MIT
//
// Shares out the daemon's descriptors. Callers decide how many files are open, the daemon's own
// limit decides how many descriptors there are, and serving names takes some. So the caches and the
// requests under way get theirs first, open files get the rest, and one user gets a part of that
// rest.

#ifndef OVERPASS_OVERLAY_STATE_DESCRIPTOR_BUDGET_H_
#define OVERPASS_OVERLAY_STATE_DESCRIPTOR_BUDGET_H_

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.h"

namespace overpass::overlay {

class DescriptorBudget;

/// The right to one descriptor, given back at its end.
class DescriptorLease {
 public:
  DescriptorLease() = default;
  DescriptorLease(DescriptorLease&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), user_(other.user_) {}
  DescriptorLease& operator=(DescriptorLease&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(user_, other.user_);
    return *this;
  }
  DescriptorLease(const DescriptorLease&) = delete;
  DescriptorLease& operator=(const DescriptorLease&) = delete;
  ~DescriptorLease();

  explicit operator bool() const { return budget_ != nullptr; }
  /// The user that it counts for.
  uid_t user() const { return user_; }

 private:
  friend class DescriptorBudget;
  DescriptorLease(DescriptorBudget& budget, uid_t user) : budget_(&budget), user_(user) {}

  DescriptorBudget* budget_ = nullptr;
  uid_t user_ = 0;
};

/// Threads: any, without a lock.
class DescriptorBudget {
 public:
  /// For a process that may have `limit` descriptors. `owner` is the user of the daemon; like root
  /// (0) it does not count as an ordinary user.
  DescriptorBudget(uint64_t limit, uid_t owner);

  // The most that caches and threads may have. They are fixed by the limit of the beginning.
  size_t directories() const { return directories_; }
  size_t removed_files() const { return removed_files_; }
  size_t readers() const { return readers_; }    ///< Those that files passed through need a while.
  size_t listings() const { return listings_; }  ///< Directories being read.
  size_t workers() const { return workers_; }    ///< Threads, each of which needs a few.

  /// Tells how many descriptors the process has for good: layers, the mount, its rings.
  void set_fixed(size_t fixed) { fixed_ = fixed; }

  /// For a descriptor that an open file of `user` needs. ENFILE when there are none left for open
  /// files; also when more than half of them are in use and `user` has a quarter of them.
  Result<DescriptorLease> lease(uid_t user);

  /// The process has met its limit, which may have been changed: asks for it, and tells the log.
  void note_exhaustion();

  /// Asks for the limit anew.
  void refresh();

  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  /// How many descriptors may be leased.
  uint64_t most() const;
  uint64_t leased() const { return leased_.load(std::memory_order_relaxed); }
  /// How many leases were refused.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  friend class DescriptorLease;

  /// Users share a counter with one in a thousand others.
  static constexpr size_t kCounters = 1024;

  uint64_t kept_back() const;
  std::atomic<uint32_t>& counter_of(uid_t user);
  bool admits(uint64_t leased, uint32_t of_user, uid_t user) const;
  void give_back(uid_t user);
  void refuse(uid_t user, bool is_share);

  const uid_t owner_;
  const size_t directories_;
  const size_t removed_files_;
  const size_t readers_;
  const size_t listings_;
  const size_t workers_;
  std::atomic<uint64_t> fixed_ = 0;
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> leased_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  std::array<std::atomic<uint32_t>, kCounters> of_users_ = {};
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_DESCRIPTOR_BUDGET_H_
