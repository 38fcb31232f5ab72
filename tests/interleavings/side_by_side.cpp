// SPDX-License-Identifier: MIT
//
// Runs, outcomes, and what of them is right.

#include "side_by_side.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <sstream>

namespace overpass::interleavings {

namespace {

/// A mount is given up after so many runs.
constexpr int kRunsOfMount = 64;

std::set<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

/// In an order: the operation was not performed.
constexpr char kRefused[] = "refused";

/// The errors of an operation that finds its name gone or taken.
bool is_refusal(const std::string& answer) {
  constexpr int kErrors[] = {ENOENT, EEXIST, ENOTEMPTY, ESTALE};
  return std::ranges::any_of(kErrors, [&](int error) { return answer == answer_of_error(error); });
}

/// A change of attributes that finds no file to change. Where the tree is that of an order in which
/// it was done, that can only be a removed directory, of which the change cannot be seen: one that
/// only a lower had is not copied up any more (nor does kernel overlayfs: ENOTDIR).
bool is_refused_change(const Operation& operation, const std::string& answer) {
  const bool changes = operation.verb == Verb::Chmod || operation.verb == Verb::SetXattr;
  return changes && answer == answer_of_error(ENOENT);
}

std::string text_of(const Outcome& outcome) {
  std::string text;
  for (const std::string& answer : outcome.answers) text += "  " + answer + '\n';
  return text + outcome.tree;
}

}  // namespace

SideBySide::SideBySide(const Setting& setting, std::vector<Operation> operations)
    : setting_(setting), operations_(std::move(operations)), scheduler_(operations_.size()) {
  const uint32_t all = (1U << operations_.size()) - 1;
  for (uint32_t performed = all; performed != 0; --performed) {
    std::set<size_t> numbers;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if ((performed & (1U << i)) != 0) numbers.insert(i);
    }
    if (performed == all || !setting_.has_vfs_locks) add_orders(numbers);
  }
}

void SideBySide::add_orders(const std::set<size_t>& performed) {
  // Each operation occurs twice: its walk, and the rest.
  std::vector<size_t> order;
  for (const size_t i : performed) order.insert(order.end(), 2, i);
  std::set<std::string> known;
  do {
    NaiveUnion model = model_of(setting_.tree);
    Outcome outcome;
    outcome.answers.assign(operations_.size(), kRefused);
    std::map<size_t, NaiveUnion::Walked> walked;
    for (const size_t i : order) {
      const auto found = walked.find(i);
      if (found == walked.end()) {
        walked[i] = model.walk(operations_[i]);
      } else {
        outcome.answers[i] = model.act(operations_[i], found->second);
      }
    }
    outcome.tree = model.tree();
    if (known.insert(text_of(outcome)).second) orders_.push_back(std::move(outcome));
  } while (std::next_permutation(order.begin(), order.end()));
}

void SideBySide::mount() {
  tried_ = std::make_unique<TriedUnion>(setting_.tree, setting_.options, setting_.has_vfs_locks);
  // What is found out or made once must not make a difference between runs.
  for (size_t i = 0; i < operations_.size(); ++i) {
    const Schedule begins_with = {{0, static_cast<int>(i)}};
    (void)perform(begins_with);
  }
}

SideBySide::Run SideBySide::perform(const Schedule& schedule) {
  Run run;
  run.number = tried_->begin_run();
  run.outcome.answers.resize(operations_.size());
  std::vector<std::function<void()>> bodies;
  for (size_t i = 0; i < operations_.size(); ++i) {
    bodies.emplace_back([&, i] { run.outcome.answers[i] = tried_->perform(operations_[i]); });
  }
  run.trace = scheduler_.run(bodies, schedule);
  run.outcome.tree = tried_->tree();
  tried_->end_run();
  return run;
}

SideBySide::Run SideBySide::run(const Schedule& schedule) {
  if (!tried_) mount();
  Run run = perform(schedule);
  problem_ = problem_of(run.outcome);
  const auto leftovers = tried_->leftovers();
  if (!leftovers.empty()) problem_ += "left in the workdir: " + leftovers.front() + '\n';
  if (uppers_.insert(tried_->upper()).second) {
    left_.push_back({run.number, schedule, run.outcome.tree});
  }
  if (run.number + 1 == kRunsOfMount && problem_.empty() && !look_after_remount()) {
    problem_ = "see above";
  }
  return run;
}

bool SideBySide::look_after_remount() {
  if (!tried_) return true;
  tried_->remount();
  bool is_right = true;
  for (const Left& left : left_) {
    const std::string shown = tried_->tree_of(left.run);
    if (shown == left.tree) continue;
    is_right = false;
    ADD_FAILURE() << "OVERPASS_TESTS_SCHEDULE='" << text_of(left.schedule) << "'\nleft:\n"
                  << left.tree << "the next mount shows:\n"
                  << shown;
  }
  left_.clear();
  tried_.reset();
  return is_right;
}

bool SideBySide::is_allowed_listing(const std::string& answer, size_t operation) const {
  const std::set<std::string> names = words_of(answer);
  std::set<std::string> ever;
  for (const Outcome& order : orders_) {
    const std::set<std::string> there = words_of(order.answers[operation]);
    if (order.answers[operation] == kRefused) continue;
    if (!there.contains("names:")) return answer == order.answers[operation];
    ever.insert(there.begin(), there.end());
  }
  const bool has_all_that_stay = std::ranges::all_of(ever, [&](const std::string& name) {
    const bool stays = std::ranges::all_of(orders_, [&](const Outcome& order) {
      return order.answers[operation] == kRefused ||
             words_of(order.answers[operation]).contains(name);
    });
    return !stays || names.contains(name);
  });
  return has_all_that_stay && std::ranges::includes(ever, names);
}

bool SideBySide::is_allowed(const Outcome& outcome, const Outcome& order) const {
  if (outcome.tree != order.tree) return false;
  for (size_t i = 0; i < operations_.size(); ++i) {
    if (outcome.answers[i] == order.answers[i]) continue;
    if (order.answers[i] == kRefused && is_refusal(outcome.answers[i])) continue;
    if (is_refused_change(operations_[i], outcome.answers[i])) continue;
    if (operations_[i].verb != Verb::List) return false;
    if (!is_allowed_listing(outcome.answers[i], i)) return false;
  }
  return true;
}

std::string SideBySide::problem_of(const Outcome& outcome) const {
  for (const Outcome& order : orders_) {
    if (is_allowed(outcome, order)) return "";
  }
  std::string problem = "the outcome is:\n" + text_of(outcome);
  for (const Outcome& order : orders_) problem += "an order is:\n" + text_of(order);
  return problem;
}

size_t SideBySide::try_all(const Bounds& bounds) {
  const RunOnce once = [&](const Schedule& schedule) -> std::optional<Trace> {
    Run made = run(schedule);
    if (problem_.empty()) return std::move(made.trace);
    ADD_FAILURE() << "OVERPASS_TESTS_SCHEDULE='" << text_of(schedule) << "'\n"
                  << problem_ << made.trace.text();
    return std::nullopt;
  };
  const Explored explored = explore(once, bounds);
  (void)look_after_remount();
  EXPECT_EQ(explored.astray, 0U) << "runs that were not those of their schedules";
  return explored.schedules;
}

void SideBySide::replay(const Schedule& schedule) {
  const Run made = run(schedule);
  std::printf("%s%s", text_of(made.outcome).c_str(), made.trace.text().c_str());
  EXPECT_EQ(problem_, "");
  (void)look_after_remount();
}

Bounds bounds_of(size_t operations) {
  Bounds bounds;
  bounds.preemptions = operations > 2 ? 1 : 2;
  const char* given = std::getenv("OVERPASS_TESTS_PREEMPTIONS");
  if (given != nullptr) bounds.preemptions = std::atoi(given);
  bounds.is_reduced = std::getenv("OVERPASS_TESTS_ALL_SCHEDULES") == nullptr;
  return bounds;
}

}  // namespace overpass::interleavings
