// SPDX-License-Identifier: MIT
//
// Looking for the next request for a moment instead of sleeping at once.
//
// To wake a thread on another processor takes longer than most requests do. A thread that is still
// awake when the next request comes saves that. It costs a processor that would be idle, and
// nothing else may pay for it: not an idle mount, not other programs that want the processor, and
// not a caller who does not come back soon. So a thread looks only right after a request, for as
// long as that has lately paid off, and gives the processor to whatever else can run on it.

#ifndef OVERPASS_FUSE_BUSY_POLL_H_
#define OVERPASS_FUSE_BUSY_POLL_H_

#include <chrono>
#include <cstdint>

namespace overpass::fuse {

/// One thread's. Its owner alone uses it.
class BusyPoll {
 public:
  using Clock = std::chrono::steady_clock;

  /// The default length. Most callers that come back at all do so within it.
  static constexpr std::chrono::microseconds kUsual{50};

  /// `longest`: when to give up; zero: does not look at all.
  explicit BusyPoll(std::chrono::microseconds longest) : longest_(longest) {}

  /// Whether to look now. To be asked once per request.
  bool is_worthwhile();

  /// Looks until `has_request()` or until it is time to sleep. `now` and `yield` are the clock and
  /// sched_yield(2). REQUIRES: is_worthwhile() said so.
  template <class HasRequest, class Now, class Yield>
  void look(HasRequest has_request, Now now, Yield yield) {
    const Clock::time_point begin = now();
    Clock::time_point before = begin;
    while (!has_request()) {
      yield();
      const Clock::time_point after = now();
      const bool others_ran = after - before > kOthersRan;
      before = after;
      if (after - begin < longest_ && !others_ran) continue;
      // What ran meanwhile may have been the caller.
      if (has_request()) break;
      return others_ran ? met_others() : failed();
    }
    paid_off();
  }

 private:
  /// A yield that takes longer has let something else run.
  static constexpr std::chrono::microseconds kOthersRan{20};
  /// Points of a thread whose looking has paid off lately; without any it does not look.
  static constexpr int kMostPoints = 32;
  static constexpr int kCost = 2;
  /// Without points it tries once in so many requests.
  static constexpr unsigned kTryEvery = 64;
  /// How many requests it lets pass after it was in the way of others, doubled each time.
  static constexpr unsigned kFirstPause = 256;
  static constexpr unsigned kLongestPause = 1U << 16;

  void paid_off();
  void failed();
  void met_others();

  const std::chrono::microseconds longest_;
  int points_ = kMostPoints;
  unsigned skipped_ = 0;
  unsigned pause_ = 0;  ///< Requests to let pass.
  unsigned next_pause_ = kFirstPause;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_BUSY_POLL_H_
