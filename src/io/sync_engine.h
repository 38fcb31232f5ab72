// SPDX-License-Identifier: MIT
//
// The engine for kernels and sandboxes without io_uring: a few threads that make the blocking
// system calls, each one operation at a time.

#ifndef OVERPASS_IO_SYNC_ENGINE_H_
#define OVERPASS_IO_SYNC_ENGINE_H_

#include <condition_variable>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "io/admission.h"
#include "io/engine.h"

namespace overpass::io {

/// Threads are started when operations wait and none is idle. Operations begin in the order in
/// which they came; several run at the same time.
class SyncEngine : public Engine {
 public:
  /// `reason`: why it is this engine, for describe().
  SyncEngine(const Limits& limits, std::string reason);
  ~SyncEngine() override;

  bool submit(OperationRef operation) override;
  void wait_until_idle() override;
  void stop() override;
  std::string describe() const override;

 private:
  void run();

  const size_t most_threads_;
  const std::string reason_;
  Admission admission_;

  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wake_;
  std::vector<OperationRef> queue_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  size_t idle_ GUARDED_BY(mutex_) = 0;
  bool cancels_ GUARDED_BY(mutex_) = false;  ///< Reads are given up.
  bool ends_ GUARDED_BY(mutex_) = false;     ///< Nothing more can come.
};

}  // namespace overpass::io

#endif  // OVERPASS_IO_SYNC_ENGINE_H_
