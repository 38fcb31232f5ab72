// SPDX-License-Identifier: MIT
//
// RWF_NOWAIT where the file system knows it. Where it does not, reads ask the page cache, and
// writes take the risk while that goes well.

#include "io/attempt.h"

#include <sys/uio.h>

#include <algorithm>

#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/process.h"

namespace overpass::io {

namespace {

/// Shorter waits are for a lock, and were not worth a hand-over.
constexpr std::chrono::milliseconds kLong{2};
constexpr int kRefuseForTimes = 16;
constexpr std::chrono::seconds kRefuseAtMost{2};

Result<size_t> read_rest(const Operation& operation, int more_flags) {
  const Job& job = operation.job();
  return sys::read_once(job.fd, operation.rest(), operation.position(), job.rw_flags | more_flags);
}

Result<size_t> write_rest(const Operation& operation, int more_flags) {
  const Job& job = operation.job();
  return sys::write_once(job.fd, operation.rest(), operation.position(), job.rw_flags | more_flags);
}

Result<size_t> read_without_waiting(const Operation& operation) {
  auto read = read_rest(operation, RWF_NOWAIT);
  if (!read.failed_with(EOPNOTSUPP)) return read;
  const auto cached =
      sys::is_in_page_cache(operation.job().fd, operation.position(), operation.rest().size());
  if (!cached || !*cached) return fail(EAGAIN);
  return read_rest(operation, 0);
}

Result<size_t> write_without_waiting(const Operation& operation, Pace& pace) {
  if (pace.may_ask()) {
    auto written = write_rest(operation, RWF_NOWAIT);
    if (!written.failed_with(EOPNOTSUPP)) return written;
    pace.refused();
  }
  const auto began = Pace::Clock::now();
  if (!pace.may_risk_waiting(began)) return fail(EAGAIN);
  const long waits = sys::waits_of_this_thread();
  auto written = write_rest(operation, 0);
  if (sys::waits_of_this_thread() != waits) pace.waited(began, Pace::Clock::now());
  return written;
}

/// Direct and synchronous transfers wait for the disk by what they are; RWF_NOWAIT only keeps them
/// from waiting for anything else.
bool always_waits(const Job& job) {
  const bool is_transfer = job.action == Action::Read || job.action == Action::Write;
  return !is_transfer || job.direct || (job.rw_flags & (RWF_SYNC | RWF_DSYNC)) != 0;
}

Result<size_t> done(Result<void> result) {
  if (!result) return fail(result.error());
  return size_t{0};
}

}  // namespace

bool Pace::may_risk_waiting(Clock::time_point now) const {
  return now.time_since_epoch().count() >= refuse_until_.load(std::memory_order_relaxed);
}

void Pace::waited(Clock::time_point began, Clock::time_point ended) {
  const Clock::duration duration = ended - began;
  if (duration < kLong) return;
  const Clock::duration refusal =
      std::min<Clock::duration>(duration * kRefuseForTimes, kRefuseAtMost);
  refuse_until_.store((ended + refusal).time_since_epoch().count(), std::memory_order_relaxed);
}

bool try_now(Operation& operation, Pace& pace) {
  if (always_waits(operation.job())) return false;
  while (true) {
    const bool reads = operation.job().action == Action::Read;
    const Result<size_t> moved =
        reads ? read_without_waiting(operation) : write_without_waiting(operation, pace);
    if (moved.failed_with(EAGAIN)) return false;
    if (operation.advance(moved) == Operation::Step::Done) return true;
  }
}

void perform(Operation& operation) {
  const Job& job = operation.job();
  const sys::KeepingSetgid keeping(job.keeps_set_ids);
  const auto attempt = [&]() -> Result<size_t> {
    switch (job.action) {
      case Action::Read:
        return read_rest(operation, 0);
      case Action::Write:
        return write_rest(operation, 0);
      case Action::Sync:
        return done(sys::sync_file(job.fd));
      case Action::SyncData:
        return done(sys::sync_data(job.fd));
      case Action::Allocate:
        return done(sys::allocate(job.fd, job.allocate_mode, job.offset, job.length));
    }
    return fail(EINVAL);
  };
  while (operation.advance(attempt()) == Operation::Step::Again) {
  }
}

}  // namespace overpass::io
