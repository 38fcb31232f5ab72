// SPDX-License-Identifier: MIT
//
// A queue and the threads that empty it.

#include "io/sync_engine.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace overpass::io {

SyncEngine::SyncEngine(const Limits& limits, std::string reason)
    : most_threads_(std::max(1U, limits.threads)),
      reason_(std::move(reason)),
      admission_(limits.operations) {
  Lock lock(mutex_);
  // No memory is wanted later, and one thread is there, or nothing would ever be done.
  queue_.reserve(limits.operations);
  threads_.reserve(most_threads_);
  threads_.emplace_back([this] { run(); });
}

SyncEngine::~SyncEngine() { stop(); }

bool SyncEngine::submit(OperationRef operation) {
  if (!admission_.enter()) return false;
  {
    Lock lock(mutex_);
    queue_.push_back(std::move(operation));
    if (idle_ < queue_.size() && threads_.size() < most_threads_) {
      try {
        threads_.emplace_back([this] { run(); });
      } catch (const std::exception&) {
        // No further thread can be started. The existing ones will come to it.
      }
    }
  }
  wake_.notify_one();
  return true;
}

void SyncEngine::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return ends_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    OperationRef operation = std::move(queue_.front());
    queue_.erase(queue_.begin());  // A few hundred at most.
    const bool cancels = cancels_ && operation->may_be_cancelled();
    lock.unlock();
    if (cancels) {
      operation->complete(Errno{ECANCELED});
    } else {
      perform(*operation);
      operation->complete();
    }
    operation.reset();
    admission_.leave();
    lock.lock();
  }
}

void SyncEngine::wait_until_idle() { admission_.wait_until_empty(); }

void SyncEngine::stop() {
  admission_.close();
  {
    Lock lock(mutex_);
    cancels_ = true;
  }
  // An operation that was admitted before the end may reach the queue only now: threads stay for
  // it.
  admission_.wait_until_empty();
  std::vector<std::thread> threads;
  {
    Lock lock(mutex_);
    ends_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

std::string SyncEngine::describe() const {
  return "threads" + (reason_.empty() ? "" : " (" + reason_ + ")");
}

}  // namespace overpass::io
