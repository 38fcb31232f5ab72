// SPDX-License-Identifier: MIT
//
// Runs operations side by side, one step at a time. Each operation has a thread, and one of them
// goes on while all others wait. Before each lock and each system call (wraps.cpp) the thread asks
// here who goes on next. Nothing else decides, so the same schedule always gives the same run.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_SCHEDULER_H_
#define OVERPASS_TESTS_INTERLEAVINGS_SCHEDULER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace overpass::interleavings {

/// What a step touches that another thread may touch as well: locks, inodes of the layers and names
/// in their directories, each by a number.
class Touched {
 public:
  static constexpr uint64_t kNothing = 0;

  void add(uint64_t thing, bool is_changed);
  /// Something of the layers that has no number.
  void add_unknown(bool is_changed);
  void add(const Touched& other);

  /// Whether the order of the two steps can matter.
  bool conflicts_with(const Touched& other) const;

 private:
  struct Use {
    uint64_t thing;
    bool is_changed;
  };
  bool conflicts_as_unknown(const Touched& other) const;

  std::vector<Use> uses_;
  bool reads_unknown_ = false;
  bool changes_unknown_ = false;
};

/// A point at which the scheduler chose who goes on.
struct Decision {
  int thread;        ///< Who came here; -1 at the beginning.
  bool is_forced;    ///< That thread cannot go on: it waits for a lock, or has ended.
  uint32_t options;  ///< A bit for each thread that can go on.
  int chosen;
  size_t steps;       ///< How many steps were made before.
  const char* what;   ///< What the thread is about to do.
  Touched next = {};  ///< What that will touch, as things are now.
};

/// What a thread does between two decisions.
struct Step {
  int thread;
  Touched touched;
};

/// A run: its decisions, and its steps in their order.
struct Trace {
  std::vector<Decision> decisions;
  std::vector<Step> steps;

  /// For people: the steps of each thread between two switches in a line.
  std::string text() const;
};

/// A choice that differs from the usual one, which is to let the same thread go on as long as it
/// can, and then the next.
struct Deviation {
  size_t at;  ///< The number of the decision.
  int thread;
};

/// The deviations of a run, by their numbers.
using Schedule = std::vector<Deviation>;

/// "17:1 30:0": at decision 17 thread 1 goes on, at 30 thread 0. "-" is the schedule without any.
std::string text_of(const Schedule& schedule);
Schedule schedule_of(const std::string& text);

/// Threads: all functions but the constructor and run() are called by the threads of operations,
/// of which one goes on at a time.
class Scheduler {
 public:
  explicit Scheduler(size_t threads);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  /// Runs the operations, one on each thread, and returns when all have ended. When none can go on
  /// it prints the run and ends the process.
  Trace run(const std::vector<std::function<void()>>& operations, const Schedule& schedule);

  /// The scheduler of this thread's operation; null outside of operations.
  static Scheduler* of_this_thread();

  /// Another thread may go on before the next step. `touch` says what the step touches, as things
  /// are when it is called.
  void before_step(const char* what, const std::function<void(Touched&)>& touch);
  /// The same before a lock is taken.
  void before_lock(const char* what, const void* lock, bool is_exclusive);
  /// The lock is free again: who waits for it can go on.
  void unlocked(const void* lock, bool is_exclusive);

  /// Lets the others go on until the lock has been freed.
  void wait_for_unlock(const void* lock);
  /// Lets the others go on until the value is another one, as futex(2) does.
  void wait_for_change(const uint32_t* value, uint32_t from);

 private:
  friend class Quietly;

  struct Worker {
    std::thread thread;
    std::atomic<uint32_t> may_go = 0;
    const std::function<void()>* operation = nullptr;
    bool has_ended = true;
    bool is_quiet = false;
    const void* awaited_lock = nullptr;
    const uint32_t* awaited_value = nullptr;
    uint32_t awaited_from = 0;
    size_t step = 0;  ///< The step that it makes.
  };

  void serve(size_t number);
  bool can_go(const Worker& worker) const;
  uint32_t options() const;
  /// Records the choice between `options`.
  int decide(int thread, bool is_forced, uint32_t options, const char* what);
  /// Lets `next` go on, and returns when this thread may.
  void give_way(int next);
  void begin_step(int thread);
  void wait_blocked(const char* what);
  Touched& touched() { return trace_.steps[worker().step].touched; }
  Worker& worker();
  uint64_t number_of(const void* lock);
  [[noreturn]] void deadlock();

  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<uint32_t> has_ended_ = 0;  ///< The run.
  std::atomic<bool> is_closing_ = false;
  Schedule schedule_;
  size_t next_deviation_ = 0;
  Trace trace_;
  std::map<const void*, uint64_t> locks_;  ///< Numbers of this run.
};

/// While it lives, this thread goes on at all points, as if what it does were one step. It may
/// still have to wait for a lock.
class Quietly {
 public:
  Quietly();
  Quietly(const Quietly&) = delete;
  Quietly& operator=(const Quietly&) = delete;
  ~Quietly();
};

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_SCHEDULER_H_
