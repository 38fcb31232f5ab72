// SPDX-License-Identifier: MIT
//
// What the tests of engines share: one engine of each kind, and short ways to have something done
// and to wait for it.

#ifndef OVERPASS_TESTS_UNIT_IO_ENGINES_H_
#define OVERPASS_TESTS_UNIT_IO_ENGINES_H_

#include <fcntl.h>

#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "../sys/scratch.h"
#include "io/engine.h"
#include "io/sync_engine.h"
#include "io/uring_engine.h"
#include "unruly_engine.h"

namespace overpass::unit {

enum class Kind { Uring, Threads, UnrulyUring, UnrulyThreads };

inline constexpr Kind kKinds[] = {Kind::Uring, Kind::Threads, Kind::UnrulyUring,
                                  Kind::UnrulyThreads};

inline std::string name_of(Kind kind) {
  constexpr const char* kNames[] = {"Uring", "Threads", "UnrulyUring", "UnrulyThreads"};
  return kNames[static_cast<size_t>(kind)];
}

/// Null where the kernel forbids io_uring.
inline std::unique_ptr<io::Engine> plain_engine(Kind kind, const io::Limits& limits = {}) {
  if (kind == Kind::Threads || kind == Kind::UnrulyThreads) {
    return std::make_unique<io::SyncEngine>(limits, "");
  }
  auto engine = io::UringEngine::open(limits);
  return engine ? std::move(*engine) : nullptr;
}

/// The same; the unruly ones split, interrupt, delay and reorder.
inline std::unique_ptr<io::Engine> engine_of(Kind kind, const io::Limits& limits = {}) {
  auto engine = plain_engine(kind, limits);
  const bool is_unruly = kind == Kind::UnrulyUring || kind == Kind::UnrulyThreads;
  if (!is_unruly || engine == nullptr) return engine;
  Ways ways;
  ways.longest_piece = 5000;
  ways.interrupted_percent = 20;
  ways.latest = std::chrono::microseconds(300);
  return std::make_unique<UnrulyEngine>(std::move(engine), std::move(ways));
}

/// An operation and its outcome to come: a number of bytes or an errno.
struct Pending {
  io::OperationRef operation;
  std::future<Result<size_t>> outcome;
};

inline Pending pending(io::Job job) {
  auto promise = std::make_shared<std::promise<Result<size_t>>>();
  auto outcome = promise->get_future();
  return {io::make_operation(std::move(job),
                             [promise](Result<std::span<char>> moved) {
                               if (moved) {
                                 promise->set_value(moved->size());
                               } else {
                                 promise->set_value(fail(moved.error()));
                               }
                             }),
          std::move(outcome)};
}

/// Hands a job over; ENOBUFS as outcome if the engine does not take it.
inline std::future<Result<size_t>> submit(io::Engine& engine, io::Job job) {
  Pending result = pending(std::move(job));
  if (!engine.submit(result.operation)) result.operation->complete(Errno{ENOBUFS});
  return std::move(result.outcome);
}

inline Result<size_t> run(io::Engine& engine, io::Job job) {
  return submit(engine, std::move(job)).get();
}

inline io::Job read_job(BorrowedFd fd, std::span<char> bytes, off_t offset) {
  return {.action = io::Action::Read, .fd = fd, .offset = offset, .bytes = bytes};
}

/// `bytes` are only read.
inline io::Job write_job(BorrowedFd fd, std::span<const char> bytes, off_t offset) {
  return {.action = io::Action::Write,
          .fd = fd,
          .offset = offset,
          .bytes = {const_cast<char*>(bytes.data()), bytes.size()}};
}

/// A pipe: what is read from it waits until something is written.
struct Pipe {
  Pipe() {
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe2");
    read_end = UniqueFd(ends[0]);
    write_end = UniqueFd(ends[1]);
  }
  void feed(const std::string& text) const {
    checked(static_cast<int>(::write(raw(write_end), text.data(), text.size())), "write to a pipe");
  }

  UniqueFd read_end, write_end;
};

/// Reads from where a stream stands, as pipes want it.
inline constexpr off_t kStream = -1;

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_IO_ENGINES_H_
