// SPDX-License-Identifier: MIT

#include "broker/late_closes.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace overpass::broker {

namespace {

/// So long a removed file may still take up its space.
constexpr std::chrono::milliseconds kDelay{5};

}  // namespace

LateCloses::~LateCloses() {
  {
    Lock lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LateCloses::add(int32_t id) {
  std::call_once(was_started_, [this] { start(); });
  if (!thread_.joinable()) return tell_(std::span(&id, 1));
  Ids full;
  size_t count = 0;
  {
    Lock lock(mutex_);
    ids_[count_++] = id;
    count = count_;
    if (count == kAtOnce) {
      full = ids_;
      count_ = 0;
    }
  }
  if (count == kAtOnce) return tell_(full);
  if (count == 1) wake_.notify_one();
}

void LateCloses::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return;  // Then each id is told as it comes.
  }
}

void LateCloses::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return is_stopping_ || count_ > 0; });
    // More may follow.
    if (wake_.wait_for(lock, kDelay, [this] { return is_stopping_; })) return;
    const Ids ids = ids_;
    const size_t count = std::exchange(count_, 0);
    lock.unlock();
    if (count > 0) tell_(std::span(ids).first(count));
    lock.lock();
  }
}

}  // namespace overpass::broker
