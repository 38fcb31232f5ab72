// SPDX-License-Identifier: MIT
//
// Carries out operations without holding up the submitting thread. Two kinds: over io_uring
// (uring_engine.h) and, where that is forbidden or absent, by threads that make blocking system
// calls (sync_engine.h).

#ifndef OVERPASS_IO_ENGINE_H_
#define OVERPASS_IO_ENGINE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "io/attempt.h"
#include "io/operation.h"

namespace overpass::io {

struct Limits {
  size_t operations = 256;  ///< Under way at a time; more are refused.
  unsigned threads = 16;    ///< That block on a disk for it, the kernel's or the daemon's.
};

/// Completions run on threads of the engine, which wait for nothing else: what needs a lock that
/// may be held for long has to be handed on. Threads: any, unless said otherwise.
class Engine {
 public:
  /// What became of an operation handed to start().
  enum class Start : uint8_t {
    Completed,  ///< Its completion has run on this thread.
    UnderWay,   ///< Its completion runs on a thread of the engine, if it has not already.
    Refused,    ///< Too much is under way: to be carried out by perform(), where one may block.
  };

  virtual ~Engine() = default;

  /// Does as much as is possible without waiting, and submits the rest. Reads and writes begin
  /// here: a system call gets what is in the page cache sooner than any engine. Throws
  /// std::bad_alloc, the operation being the caller's then, when lent bytes cannot be copied.
  /// REQUIRES: no lock is held, since the completion may run here.
  virtual Start start(const OperationRef& operation);

  /// Takes the operation over as it is, with bytes that are not just lent, and never waits. False
  /// when too much is under way, or after stop(): then it is still the caller's.
  [[nodiscard]] virtual bool submit(OperationRef operation) = 0;

  /// Waits for a moment without operations. REQUIRES: not on a thread of the engine.
  virtual void wait_until_idle() = 0;

  /// The end: nothing more is taken. Reads that are under way are given up (ECANCELED), all else is
  /// carried out: a page that is being written back was acknowledged to its writer long ago. Every
  /// completion has run when this returns. Called by one thread, which may call it again.
  virtual void stop() = 0;

  /// The engine's kind and the reason for it, in a few words for `overpass status`.
  virtual std::string describe() const = 0;

 private:
  Pace pace_;
};

}  // namespace overpass::io

#endif  // OVERPASS_IO_ENGINE_H_
