// SPDX-License-Identifier: MIT
//
// Operations side by side, in every schedule, held against the orders of the naive model.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_SIDE_BY_SIDE_H_
#define OVERPASS_TESTS_INTERLEAVINGS_SIDE_BY_SIDE_H_

#include <set>
#include <string>
#include <vector>

#include "explore.h"
#include "tried_union.h"

namespace overpass::interleavings {

/// Layers, and how they are mounted.
struct Setting {
  const char* name;
  Tree tree;
  unit::UnionOptions options;
  /// Without them operations may meet that never do below the VFS. Then one may be refused that
  /// finds its name gone or taken, and nothing may be left of it.
  bool has_vfs_locks = true;
};

/// Operations that begin at the same time.
class SideBySide {
 public:
  SideBySide(const Setting& setting, std::vector<Operation> operations);

  /// Tries all schedules, and fails the test at the first wrong one. How many were tried.
  size_t try_all(const Bounds& bounds);
  /// One schedule, for a failure that is looked into. Prints the run.
  void replay(const Schedule& schedule);

 private:
  struct Run {
    int number = 0;
    Outcome outcome;
    Trace trace;
  };

  /// Notes what the model says of all orders of the operations in `performed`.
  void add_orders(const std::set<size_t>& performed);
  void mount();
  /// One run on the present mount.
  Run perform(const Schedule& schedule);
  /// The same on a new mount if need be, with what is wrong in problem_.
  Run run(const Schedule& schedule);
  /// Lets the next mount show what runs have left. False after a failure.
  bool look_after_remount();
  /// Empty, or what is wrong with the run.
  std::string problem_of(const Outcome& outcome) const;
  bool is_allowed(const Outcome& outcome, const Outcome& order) const;
  /// A listing has each name that was there all the time, and none that never was.
  bool is_allowed_listing(const std::string& answer, size_t operation) const;

  const Setting& setting_;
  const std::vector<Operation> operations_;
  std::vector<Outcome> orders_;  ///< Of the model, each once.
  Scheduler scheduler_;
  std::unique_ptr<TriedUnion> tried_;
  std::string problem_;  ///< Of the run that was made last.
  /// What the upper held after each run that the next mount has shown, or will show.
  std::set<std::string> uppers_;
  struct Left {
    int run;
    Schedule schedule;
    std::string tree;
  };
  std::vector<Left> left_;  ///< For the next mount.
};

/// The bounds, as the environment has them (docs/testing.md).
Bounds bounds_of(size_t operations);

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_SIDE_BY_SIDE_H_
