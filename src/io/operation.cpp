// SPDX-License-Identifier: MIT
//
// Adds partial answers up to an outcome.

#include "io/operation.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace overpass::io {

namespace {

/// An attempt that may wait has no reason to answer EAGAIN. A file system that does so all the same
/// is believed after this many times.
constexpr unsigned kMostRefusals = 16;

}  // namespace

void Operation::own_bytes() {
  if (job_.copy_into == nullptr) return;
  Buffer copy = std::exchange(job_.copy_into, nullptr)->take(job_.bytes.size());
  std::ranges::copy(rest(), copy.bytes().subspan(moved_).begin());
  job_.bytes = copy.bytes();
  job_.buffer = std::move(copy);
}

Operation::Step Operation::advance(ssize_t answer) {
  if (answer == -EINTR) return Step::Again;
  if (answer == -EAGAIN && ++refusals_ < kMostRefusals) return Step::Again;
  if (answer > 0 && moves_bytes()) {
    moved_ += static_cast<size_t>(answer);
    refusals_ = 0;
    const bool is_short_end = job_.direct && job_.action == Action::Read;
    if (moved_ < job_.bytes.size() && !is_short_end) return Step::Again;
  }
  outcome_ = ended(answer);
  return Step::Done;
}

/// The outcome after the last answer.
Result<size_t> Operation::ended(ssize_t answer) const {
  const bool is_partial = moved_ < job_.bytes.size();
  if (answer < 0 && (moved_ == 0 || job_.whole)) return fail(static_cast<int>(-answer));
  // A file system that takes nothing and says nothing.
  if (job_.action == Action::Write && job_.whole && is_partial) return fail(EIO);
  return moved_;
}

void Operation::complete() {
  assert(on_done_);
  if (outcome_) {
    on_done_(job_.bytes.first(*outcome_));
  } else {
    on_done_(fail(outcome_.error()));
  }
  on_done_ = nullptr;
  job_.pin.reset();
  job_.buffer.reset();
  is_done_.store(true, std::memory_order_release);
}

void Operation::complete(Errno error) {
  outcome_ = fail(error);
  complete();
}

}  // namespace overpass::io
