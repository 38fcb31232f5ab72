// SPDX-License-Identifier: MIT
//
// The engine over io_uring: one ring with one thread of its own, which submits what others have
// queued, gets what is done, and runs the completions.
//
// Serving threads have no rings. They wait for requests in read(2) on /dev/fuse, or in libfuse's
// own ring, and could not look after another; the kernel would finish their reads for them by
// interrupting that; and an operation would end with the thread that submitted it. What is in the
// page cache never comes here (Engine::start), so the price, a wake-up, is paid only beside a
// disk's.

#ifndef OVERPASS_IO_URING_ENGINE_H_
#define OVERPASS_IO_URING_ENGINE_H_

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "io/admission.h"
#include "io/engine.h"

namespace overpass::io {

class Ring;

/// Invariants: an operation that was admitted is in queue_ or in one slot, until its completion has
/// run; what the kernel knows of it is the number of its slot, so it is freed when it leaves that.
class UringEngine : public Engine {
 public:
  /// Fails as Ring::open does, or with EAGAIN when there is no thread.
  static Result<std::unique_ptr<UringEngine>> open(const Limits& limits);
  ~UringEngine() override;

  bool submit(OperationRef operation) override;
  void wait_until_idle() override;
  void stop() override;
  std::string describe() const override;

 private:
  UringEngine(const Limits& limits, UniqueFd wake);

  // The engine's thread.
  void run(std::promise<Result<void>> opened);
  bool take_queue(Ring& ring);
  void take_in(Ring& ring, OperationRef operation);
  void post(Ring& ring, uint32_t slot);
  void post_wake(Ring& ring);
  void take_answer(Ring& ring, uint64_t user_data, int answer);
  void finish(uint32_t slot, bool is_cancelled);
  void cancel_reads(Ring& ring);

  const Limits limits_;
  const UniqueFd wake_;
  Admission admission_;

  Mutex<LockRank::Queue> mutex_;
  std::vector<OperationRef> queue_ GUARDED_BY(mutex_);
  /// The thread looks at the queue only when it is woken. The thread that sets this to false wakes
  /// it.
  bool sleeps_ GUARDED_BY(mutex_) = false;

  // The engine's thread's own.
  std::vector<OperationRef> taken_;  ///< From the queue, for a moment.
  std::vector<OperationRef> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t wakes_ = 0;  ///< What is read from wake_.
  bool is_cancelling_ = false;

  std::thread thread_;
};

}  // namespace overpass::io

#endif  // OVERPASS_IO_URING_ENGINE_H_
