// SPDX-License-Identifier: MIT
//
// Counters go up before they are compared with the limit, so that two leases never take one last
// place.

#include "overlay/state/descriptor_budget.h"

#include <algorithm>

#include "base/log.h"
#include "sys/process.h"

namespace overpass::overlay {

namespace {

/// A part of the limit, within bounds. The upper ones are what a large mount has use for.
size_t part_of(uint64_t limit, uint64_t divisor, size_t least, size_t most) {
  return std::clamp<uint64_t>(limit / divisor, least, most);
}

/// Descriptors that a worker needs at a time: two files of a copy, and the directory of each.
constexpr uint64_t kOfWorker = 4;
/// For what serving threads have open for the length of a request.
constexpr uint64_t kOfRequests = 24;
/// Open files get some even where the limit is no limit to live with.
constexpr uint64_t kLeast = 4;

}  // namespace

DescriptorLease::~DescriptorLease() {
  if (budget_ != nullptr) budget_->give_back(user_);
}

DescriptorBudget::DescriptorBudget(uint64_t limit, uid_t owner)
    : owner_(owner),
      directories_(part_of(limit, 8, 16, 320)),
      removed_files_(part_of(limit, 32, 8, 160)),
      readers_(part_of(limit, 32, 8, 64)),
      listings_(part_of(limit, 32, 8, 64)),
      workers_(part_of(limit, 32, 8, 512)),
      limit_(limit) {}

uint64_t DescriptorBudget::kept_back() const {
  const uint64_t cached = directories_ + removed_files_ + readers_ + listings_;
  return fixed_.load(std::memory_order_relaxed) + cached + workers_ * kOfWorker + kOfRequests;
}

uint64_t DescriptorBudget::most() const {
  const uint64_t limit = this->limit();
  const uint64_t kept = std::min(kept_back(), limit);
  return std::max(limit - kept, kLeast);
}

std::atomic<uint32_t>& DescriptorBudget::counter_of(uid_t user) {
  return of_users_[(user ^ user >> 10 ^ user >> 20) % kCounters];
}

bool DescriptorBudget::admits(uint64_t leased, uint32_t of_user, uid_t user) const {
  const uint64_t most = this->most();
  if (leased > most) return false;
  if (user == 0 || user == owner_) return true;
  return leased <= most / 2 || of_user <= most / 4;
}

Result<DescriptorLease> DescriptorBudget::lease(uid_t user) {
  const uint64_t leased = leased_.fetch_add(1, std::memory_order_relaxed) + 1;
  const uint32_t of_user = counter_of(user).fetch_add(1, std::memory_order_relaxed) + 1;
  DescriptorLease lease(*this, user);
  if (admits(leased, of_user, user)) return lease;
  refresh();
  if (admits(leased, of_user, user)) return lease;
  refuse(user, leased <= most());
  return fail(ENFILE);
}

void DescriptorBudget::refuse(uid_t user, bool is_share) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  if (is_share) {
    log::warn("opens of user %u are refused (ENFILE): this user has a quarter of all open files",
              user);
  } else {
    note_exhaustion();
  }
}

void DescriptorBudget::note_exhaustion() {
  refresh();
  log::warn(
      "its limit of %llu descriptors leaves the daemon none for open files: opens are refused "
      "(ENFILE); mount with a higher one (ulimit -n, LimitNOFILE= of systemd)",
      static_cast<unsigned long long>(limit()));
}

void DescriptorBudget::refresh() {
  limit_.store(sys::descriptor_limit(), std::memory_order_relaxed);
}

void DescriptorBudget::give_back(uid_t user) {
  counter_of(user).fetch_sub(1, std::memory_order_relaxed);
  leased_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace overpass::overlay
