// SPDX-License-Identifier: MIT
//
// Each attempt at an operation is an operation of the real engine's.

#include "unruly_engine.h"

#include <algorithm>
#include <utility>

namespace overpass::unit {

using io::Operation;
using io::OperationRef;

UnrulyEngine::UnrulyEngine(std::unique_ptr<io::Engine> inner, Ways ways)
    : inner_(std::move(inner)),
      ways_(std::move(ways)),
      random_(ways_.seed),
      holds_(ways_.holds),
      thread_([this] { run(); }) {}

UnrulyEngine::~UnrulyEngine() { stop(); }

io::Engine::Start UnrulyEngine::start(const OperationRef& operation) {
  operation->own_bytes();
  return submit(operation) ? Start::UnderWay : Start::Refused;
}

bool UnrulyEngine::submit(OperationRef operation) {
  {
    const std::lock_guard lock(mutex_);
    if (refuses_) return false;
    ++under_way_;
  }
  attempt(std::move(operation));
  return true;
}

/// Goes on with an operation until it is over.
void UnrulyEngine::attempt(OperationRef operation) {
  while (true) {
    int answer = -ways_.fails(*operation);
    if (answer == 0 && random(0, 99) < ways_.interrupted_percent) {
      answer = random(0, 1) == 0 ? -EINTR : -EAGAIN;
    }
    if (answer == 0) break;
    if (operation->advance(answer) == Operation::Step::Done) return hold(std::move(operation));
  }
  const io::Job& whole = operation->job();
  const size_t rest = operation->rest().size();
  const size_t length = rest == 0 ? 0 : random(1, std::min(rest, ways_.longest_piece));
  io::Job piece = {.action = whole.action,
                   .fd = whole.fd,
                   .offset = operation->position(),
                   .bytes = operation->rest().first(length),
                   .rw_flags = whole.rw_flags,
                   .whole = whole.whole,
                   .direct = whole.direct,
                   .allocate_mode = whole.allocate_mode,
                   .length = whole.length};
  const OperationRef inner = io::make_operation(
      std::move(piece), [this, operation](Result<std::span<char>> moved) mutable {
        const ssize_t answer = moved ? static_cast<ssize_t>(moved->size()) : -to_int(moved.error());
        if (operation->advance(answer) == Operation::Step::Again)
          return attempt(std::move(operation));
        hold(std::move(operation));
      });
  if (inner_->submit(inner)) return;
  io::perform(*inner);
  inner->complete();
}

void UnrulyEngine::hold(OperationRef operation) {
  {
    const std::lock_guard lock(mutex_);
    held_.push_back(std::move(operation));
  }
  changed_.notify_all();
}

/// The thread that completes operations for which the test sets no time.
void UnrulyEngine::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock,
                  [&] { return (!holds_ && !held_.empty()) || (stopping_ && under_way_ == 0); });
    if (held_.empty()) return;
    const auto delay = ways_.latest / 100 * static_cast<int>(random_() % 100);
    if (!stopping_ && delay.count() > 0) {
      lock.unlock();
      std::this_thread::sleep_for(delay);
      lock.lock();
    }
    const auto which = held_.begin() + static_cast<ptrdiff_t>(random_() % held_.size());
    OperationRef operation = std::move(*which);
    held_.erase(which);
    lock.unlock();
    complete(std::move(operation));
    lock.lock();
  }
}

void UnrulyEngine::complete(OperationRef operation) {
  bool cancels;
  {
    const std::lock_guard lock(mutex_);
    cancels = stopping_ && operation->may_be_cancelled();
  }
  if (cancels) {
    operation->complete(Errno{ECANCELED});
  } else {
    operation->complete();
  }
  operation.reset();
  {
    const std::lock_guard lock(mutex_);
    --under_way_;
    changed_.notify_all();
  }
}

void UnrulyEngine::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return under_way_ == 0; });
  lock.unlock();
  inner_->wait_until_idle();
}

void UnrulyEngine::stop() {
  {
    const std::lock_guard lock(mutex_);
    refuses_ = stopping_ = true;
    holds_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  inner_->stop();
}

void UnrulyEngine::wait_for_held(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return held_.size() >= count; });
}

void UnrulyEngine::release(size_t index) {
  OperationRef operation;
  {
    const std::lock_guard lock(mutex_);
    const auto which = held_.begin() + static_cast<ptrdiff_t>(index);
    operation = std::move(*which);
    held_.erase(which);
  }
  complete(std::move(operation));
}

void UnrulyEngine::release_all() {
  {
    const std::lock_guard lock(mutex_);
    holds_ = false;
  }
  changed_.notify_all();
}

size_t UnrulyEngine::random(size_t least, size_t most) {
  const std::lock_guard lock(mutex_);
  return std::uniform_int_distribution<size_t>(least, most)(random_);
}

}  // namespace overpass::unit
