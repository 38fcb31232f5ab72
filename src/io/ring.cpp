// SPDX-License-Identifier: MIT
//
// liburing answers with negative errnos.

#include "io/ring.h"

#include <cassert>

namespace overpass::io {

namespace {

/// Better ones first. Linux 6.1 has the first; the last is for all.
constexpr unsigned kSetups[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_COOP_TASKRUN,
    0,
};

constexpr int kOperations[] = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
                               IORING_OP_FALLOCATE, IORING_OP_ASYNC_CANCEL};

bool has_operations(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  bool has_all = true;
  for (const int operation : kOperations) {
    has_all = has_all && io_uring_opcode_supported(probe, operation) != 0;
  }
  io_uring_free_probe(probe);
  return has_all;
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::open(unsigned entries, unsigned workers) {
  std::unique_ptr<Ring> ring(new Ring);
  int answer = 0;
  for (const unsigned setup : kSetups) {
    io_uring_params parameters = {};
    parameters.flags = setup;
    answer = io_uring_queue_init_params(entries, &ring->ring_, &parameters);
    if (answer != -EINVAL) break;
  }
  if (answer < 0) return fail(-answer);
  ring->is_open_ = true;
  if (!has_operations(ring->ring_)) return fail(EOPNOTSUPP);
  TRY(ring->prove());
  // Before Linux 5.15 it is four for each processor.
  unsigned bounds[] = {workers, 0};
  (void)io_uring_register_iowq_max_workers(&ring->ring_, bounds);
  return ring;
}

Ring::~Ring() {
  if (is_open_) io_uring_queue_exit(&ring_);
}

/// A sandbox may allow a ring to be made and not to be used.
Result<void> Ring::prove() {
  io_uring_prep_nop(next_entry());
  TRY(submit(true));
  int answer = -EIO;
  take_completions([&](uint64_t, int result) { answer = result; });
  if (answer < 0) return fail(-answer);
  return {};
}

io_uring_sqe* Ring::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    (void)submit(false);
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

Result<void> Ring::submit(bool waits) {
  const int answer = io_uring_submit_and_wait(&ring_, waits ? 1 : 0);
  if (answer < 0 && answer != -EINTR) return fail(-answer);
  return {};
}

}  // namespace overpass::io
