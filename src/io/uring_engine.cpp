// SPDX-License-Identifier: MIT
//
// Two halves: what any thread does (queue, wake) and what the engine's thread does.

#include "io/uring_engine.h"

#include <sys/uio.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "io/ring.h"
#include "sys/event_fd.h"

namespace overpass::io {

namespace {

// A value that is no slot's number.
constexpr uint64_t kWake = UINT64_MAX;
constexpr uint64_t kIgnored = UINT64_MAX - 1;  ///< The answer to a cancellation.

/// The kernel refused to take entries, most likely for lack of memory.
constexpr std::chrono::milliseconds kTryAgainAfter{1};

/// Fills in what has to be done for the rest of an operation.
void prepare(io_uring_sqe* entry, const Operation& operation) {
  const Job& job = operation.job();
  const std::span<char> rest = operation.rest();
  const auto length = static_cast<unsigned>(rest.size());
  const auto position = static_cast<uint64_t>(operation.position());
  // Polling for completions is for rings that do nothing else.
  const int rw_flags = job.rw_flags & ~RWF_HIPRI;
  switch (job.action) {
    case Action::Read:
      io_uring_prep_read(entry, raw(job.fd), rest.data(), length, position);
      entry->rw_flags = rw_flags;
      break;
    case Action::Write:
      io_uring_prep_write(entry, raw(job.fd), rest.data(), length, position);
      entry->rw_flags = rw_flags;
      break;
    case Action::Sync:
      io_uring_prep_fsync(entry, raw(job.fd), 0);
      break;
    case Action::SyncData:
      io_uring_prep_fsync(entry, raw(job.fd), IORING_FSYNC_DATASYNC);
      break;
    case Action::Allocate:
      io_uring_prep_fallocate(entry, raw(job.fd), job.allocate_mode, job.offset, job.length);
      break;
  }
  if (operation.has_to_wait()) entry->flags |= IOSQE_ASYNC;
}

}  // namespace

Result<std::unique_ptr<UringEngine>> UringEngine::open(const Limits& limits) {
  std::unique_ptr<UringEngine> engine(new UringEngine(limits, TRY(sys::make_event_fd())));
  std::promise<Result<void>> promise;
  auto opened = promise.get_future();
  try {
    engine->thread_ = std::thread([&self = *engine, promise = std::move(promise)]() mutable {
      self.run(std::move(promise));
    });
  } catch (const std::system_error&) {
    return fail(EAGAIN);
  }
  TRY(opened.get());
  return engine;
}

UringEngine::UringEngine(const Limits& limits, UniqueFd wake)
    : limits_(limits), wake_(std::move(wake)), admission_(limits.operations) {
  slots_.resize(limits.operations);
  for (auto slot = static_cast<uint32_t>(limits.operations); slot-- > 0;) {
    free_slots_.push_back(slot);
  }
  // Nothing below may want memory.
  taken_.reserve(limits.operations);
  Lock lock(mutex_);
  queue_.reserve(limits.operations);
}

UringEngine::~UringEngine() { stop(); }

// Any thread.

bool UringEngine::submit(OperationRef operation) {
  if (!admission_.enter()) return false;
  bool wakes;
  {
    Lock lock(mutex_);
    queue_.push_back(std::move(operation));
    wakes = std::exchange(sleeps_, false);
  }
  if (wakes) sys::raise_event(wake_);
  return true;
}

void UringEngine::wait_until_idle() { admission_.wait_until_empty(); }

void UringEngine::stop() {
  admission_.close();
  sys::raise_event(wake_);
  if (thread_.joinable()) thread_.join();
}

std::string UringEngine::describe() const { return "io_uring"; }

// The engine's thread.

void UringEngine::run(std::promise<Result<void>> opened) {
  // One entry more for the wake, and a cancellation for each.
  auto ring = Ring::open(static_cast<unsigned>(limits_.operations) + 1, limits_.threads);
  if (!ring) return opened.set_value(fail(ring.error()));
  post_wake(**ring);
  opened.set_value({});
  while (true) {
    const bool may_sleep = !take_queue(**ring);
    if (admission_.is_closed()) {
      if (admission_.inside() == 0) return;
      cancel_reads(**ring);
    }
    if (!(*ring)->submit(may_sleep)) std::this_thread::sleep_for(kTryAgainAfter);
    (*ring)->take_completions(
        [&](uint64_t user_data, int answer) { take_answer(**ring, user_data, answer); });
  }
}

/// Takes in what was queued. False when that was nothing, so that one may sleep.
bool UringEngine::take_queue(Ring& ring) {
  {
    Lock lock(mutex_);
    taken_.swap(queue_);
    sleeps_ = taken_.empty();
  }
  const bool has_taken = !taken_.empty();
  for (OperationRef& operation : taken_) take_in(ring, std::move(operation));
  taken_.clear();
  return has_taken;
}

void UringEngine::take_in(Ring& ring, OperationRef operation) {
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = std::move(operation);
  post(ring, slot);
}

void UringEngine::post(Ring& ring, uint32_t slot) {
  if (is_cancelling_ && slots_[slot]->may_be_cancelled()) return finish(slot, true);
  io_uring_sqe* entry = ring.next_entry();
  prepare(entry, *slots_[slot]);
  io_uring_sqe_set_data64(entry, slot);
}

void UringEngine::post_wake(Ring& ring) {
  io_uring_sqe* entry = ring.next_entry();
  io_uring_prep_read(entry, raw(wake_), &wakes_, sizeof wakes_, 0);
  io_uring_sqe_set_data64(entry, kWake);
}

void UringEngine::take_answer(Ring& ring, uint64_t user_data, int answer) {
  if (user_data == kIgnored) return;
  if (user_data == kWake) return post_wake(ring);
  const auto slot = static_cast<uint32_t>(user_data);
  if (slots_[slot]->advance(answer) == Operation::Step::Again) return post(ring, slot);
  finish(slot, false);
}

void UringEngine::finish(uint32_t slot, bool is_cancelled) {
  OperationRef operation = std::move(slots_[slot]);
  free_slots_.push_back(slot);
  if (is_cancelled) {
    operation->complete(Errno{ECANCELED});
  } else {
    operation->complete();
  }
  operation.reset();
  admission_.leave();
}

/// Once, when the door is closed. What comes from the queue afterwards is cancelled on its way in.
void UringEngine::cancel_reads(Ring& ring) {
  if (std::exchange(is_cancelling_, true)) return;
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] == nullptr || !slots_[slot]->may_be_cancelled()) continue;
    io_uring_sqe* entry = ring.next_entry();
    io_uring_prep_cancel64(entry, slot, 0);
    io_uring_sqe_set_data64(entry, kIgnored);
  }
}

}  // namespace overpass::io
