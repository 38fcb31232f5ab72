// SPDX-License-Identifier: MIT
//
// Moves the data of files that are not passed through, without holding up the serving thread.

#ifndef OVERPASS_OVERLAY_STATE_TRANSFERS_H_
#define OVERPASS_OVERLAY_STATE_TRANSFERS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/result.h"
#include "io/buffer_pool.h"
#include "io/operation.h"

namespace overpass::io {
class Engine;
}

namespace overpass::overlay {

/// Gets the bytes that were read or written. Runs once, on any thread, with no lock held. Must
/// neither wait nor throw.
using Transferred = std::move_only_function<void(Result<std::span<char>>)>;

/// Threads for work that blocks. May be called from any thread.
class Background {
 public:
  virtual ~Background() = default;
  /// If no thread can be started the task is destroyed without running.
  virtual void submit(std::move_only_function<void()> task) = 0;
};

/// An engine is opened with the first transfer that needs it: where all is passed through there is
/// none. Files of file servers have another engine than files on disks, so that a server that does
/// not answer holds up nothing else. Threads: any.
class Transfers {
 public:
  Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;
  ~Transfers();

  /// Memory for what is read, and for what has to be kept until it is written.
  io::BufferPool& buffers() { return buffers_; }

  /// Carries `job` out, at once if that takes no waiting, and hands its outcome to `done`. What
  /// exceeds the engine's bounds goes to `background`.
  void start(io::Job job, Transferred done, Background& background);

  /// Waits until each engine was idle at some moment.
  void wait_until_idle();

  /// The end: reads that are under way are given up, writes carried out. REQUIRES: nothing is
  /// started any more.
  void stop();

  /// The engines in use, in a few words; empty while nothing has been moved.
  std::string describe() const;

 private:
  class LazyEngine {
   public:
    explicit LazyEngine(std::unique_ptr<io::Engine> (*open)());
    LazyEngine(const LazyEngine&) = delete;
    LazyEngine& operator=(const LazyEngine&) = delete;
    ~LazyEngine();

    io::Engine& get();
    /// Null until get() is called.
    io::Engine* if_open() const { return engine_.load(std::memory_order_acquire); }

   private:
    std::unique_ptr<io::Engine> (*const open_)();
    std::once_flag opened_;
    std::unique_ptr<io::Engine> owner_;
    std::atomic<io::Engine*> engine_ = nullptr;  ///< owner_, once it is open.
  };

  io::BufferPool buffers_;
  LazyEngine for_disks_;
  LazyEngine for_servers_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_TRANSFERS_H_
