// SPDX-License-Identifier: MIT
//
// An engine as bad as one can be within its promises, for tests of whatever rests on them: it moves
// data in pieces of any size, is interrupted, fails at any byte, and completes in any order as late
// as it likes or when told to. What it moves, it moves through a real engine.

#ifndef OVERPASS_TESTS_UNIT_IO_UNRULY_ENGINE_H_
#define OVERPASS_TESTS_UNIT_IO_UNRULY_ENGINE_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "io/engine.h"

namespace overpass::unit {

/// How bad. As it stands, not at all.
struct Ways {
  unsigned seed = 1;
  size_t longest_piece = SIZE_MAX;      ///< Attempts move between one byte and so many.
  unsigned interrupted_percent = 0;     ///< Of attempts are answered EINTR or EAGAIN.
  std::chrono::microseconds latest{0};  ///< Completions come up to so much later, in any order.
  bool holds = false;                   ///< Completions come when they are released.
  /// The errno that an attempt at this place of an operation is answered with; 0 for none.
  std::function<int(const io::Operation&)> fails = [](const io::Operation&) { return 0; };
};

/// Threads: any.
class UnrulyEngine : public io::Engine {
 public:
  UnrulyEngine(std::unique_ptr<io::Engine> inner, Ways ways);
  ~UnrulyEngine() override;

  /// Nothing is done at once here.
  Start start(const io::OperationRef& operation) override;
  bool submit(io::OperationRef operation) override;
  void wait_until_idle() override;
  void stop() override;
  std::string describe() const override { return "unruly " + inner_->describe(); }

  /// Waits until so many operations are over and held.
  void wait_for_held(size_t count);
  /// Runs the completion of one of those, in the order in which they came to be held.
  void release(size_t index);
  /// From now on nothing is held.
  void release_all();

 private:
  void attempt(io::OperationRef operation);
  void hold(io::OperationRef operation);
  void run();
  void complete(io::OperationRef operation);
  size_t random(size_t least, size_t most);

  const std::unique_ptr<io::Engine> inner_;
  const Ways ways_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937 random_;
  std::vector<io::OperationRef> held_;
  size_t under_way_ = 0;
  bool holds_;
  bool refuses_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_IO_UNRULY_ENGINE_H_
