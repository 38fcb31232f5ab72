// SPDX-License-Identifier: MIT
//
// One action on one file, from when it is handed to an engine until its completion has run.
//
// Two references own it, the submitter's and the engine's. The later one frees it. What it was
// given for the time of the transfer (descriptor, memory, the completion itself) is let go at the
// completion, however long the submitter keeps its reference.

#ifndef OVERPASS_IO_OPERATION_H_
#define OVERPASS_IO_OPERATION_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/buffer_pool.h"

namespace overpass::io {

enum class Action : uint8_t { Read, Write, Sync, SyncData, Allocate };

/// What to do.
struct Job {
  Action action = Action::Read;
  BorrowedFd fd{-1};
  std::shared_ptr<const void> pin = {};  ///< Keeps `fd` open.
  off_t offset = 0;                      ///< Means nothing to RWF_APPEND.
  std::span<char> bytes = {};  ///< Filled or written; valid until the completion, or lent.
  Buffer buffer = {};          ///< Where `bytes` are, unless they belong to the caller.
  /// If set, `bytes` are for writing and lent until Engine::start() returns. What is not written by
  /// then is copied into a buffer of this pool.
  BufferPool* copy_into = nullptr;
  int rw_flags = 0;  ///< RWF_*, from rw_flags.h; without RWF_NOWAIT.
  /// A part is worth nothing: an error after some bytes is the outcome, not their number. For fills
  /// of the kernel's page cache and write-back from it.
  bool whole = false;
  bool direct = false;  ///< `fd` has O_DIRECT: a short read is the end, not to be gone on with.
  /// `fd` is of a file server (network, FUSE), which may never answer.
  bool is_remote = false;
  /// The write must not take set-id bits: perform() makes it with CAP_FSETID.
  bool keeps_set_ids = false;
  int allocate_mode = 0;  ///< FALLOC_*, for Allocate.
  off_t length = 0;       ///< For Allocate.
};

class Operation;
using OperationRef = std::shared_ptr<Operation>;

/// Threads: the submitter until it hands the operation over, then one thread of the engine at a
/// time; is_done() any.
class Operation {
 public:
  /// Gets the bytes that were read or written, none for other actions. Runs once, on a thread of
  /// the engine or on the starting thread, with no lock held; must neither wait nor throw. The
  /// bytes and the descriptor are there until it returns. Is destroyed without being run only if
  /// the operation never went to an engine.
  using OnDone = std::move_only_function<void(Result<std::span<char>>)>;

  enum class Step : uint8_t { Done, Again };

  Operation(Job job, OnDone on_done) : job_(std::move(job)), on_done_(std::move(on_done)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  const Job& job() const { return job_; }
  bool is_done() const { return is_done_.load(std::memory_order_acquire); }

  // For engines.

  /// The bytes still to move, and their place in the file.
  std::span<char> rest() const { return job_.bytes.subspan(moved_); }
  off_t position() const { return job_.offset + static_cast<off_t>(moved_); }
  /// The last attempt was answered EAGAIN: the next one has to be one that waits.
  bool has_to_wait() const { return refusals_ > 0; }
  /// A read can be given up at any time. All else goes to its end, for the kernel may have told the
  /// user already that it was written.
  bool may_be_cancelled() const { return job_.action == Action::Read; }

  /// Copies what is still to be written if it was only lent. Throws std::bad_alloc.
  void own_bytes();

  /// Takes note of one attempt's answer, a number of bytes or a negative errno: whether another
  /// attempt at the rest is due.
  Step advance(ssize_t answer);
  Step advance(Result<size_t> answer) {
    return advance(answer ? static_cast<ssize_t>(*answer) : -to_int(answer.error()));
  }

  /// Runs the completion with what advance() has found. REQUIRES: advance() said Done.
  void complete();
  /// Runs the completion with an error instead.
  void complete(Errno error);

 private:
  bool moves_bytes() const { return job_.action == Action::Read || job_.action == Action::Write; }
  Result<size_t> ended(ssize_t answer) const;

  Job job_;
  OnDone on_done_;
  size_t moved_ = 0;
  unsigned refusals_ = 0;
  Result<size_t> outcome_ = size_t{0};
  std::atomic<bool> is_done_ = false;
};

inline OperationRef make_operation(Job job, Operation::OnDone on_done) {
  return std::make_shared<Operation>(std::move(job), std::move(on_done));
}

}  // namespace overpass::io

#endif  // OVERPASS_IO_OPERATION_H_
