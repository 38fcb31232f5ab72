// SPDX-License-Identifier: MIT
//
// A count, a bound, a door.

#include "io/admission.h"

namespace overpass::io {

bool Admission::enter() {
  Lock lock(mutex_);
  if (closed_ || inside_ >= most_) return false;
  ++inside_;
  return true;
}

void Admission::leave() {
  Lock lock(mutex_);
  // Notify under the lock: a waiter may destroy this as soon as the lock is dropped.
  if (--inside_ == 0) became_empty_.notify_all();
}

void Admission::close() {
  Lock lock(mutex_);
  closed_ = true;
}

bool Admission::is_closed() const {
  Lock lock(mutex_);
  return closed_;
}

void Admission::wait_until_empty() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  became_empty_.wait(lock, [this] { return inside_ == 0; });
}

size_t Admission::inside() const {
  Lock lock(mutex_);
  return inside_;
}

}  // namespace overpass::io
