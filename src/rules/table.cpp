// SPDX-License-Identifier: MIT
//
// Patterns without a slash are found by name: most are one name, which a hash table leads to.
// The others are walked: a Progress has the places in them that the names so far have led to.

#include "rules/table.h"

#include <algorithm>

namespace overpass::rules {

/// A place in a pattern: the segment that the next name is compared with.
struct Position {
  uint16_t rule;
  uint16_t segment;
  auto operator<=>(const Position&) const = default;
};

class Progress {
 public:
  std::vector<Position> positions;  ///< Ascending, each once.
  /// Every position is of "**" or right behind one, so that a name which no glob takes leads here
  /// again.
  bool is_steady = false;
};

namespace {

/// The next name is compared with the segment at `position`, and beyond it if that is "**".
void add(std::vector<Position>& positions, const Pattern& pattern, Position position) {
  positions.push_back(position);
  while (pattern.segments[position.segment].is_any_depth &&
         position.segment + 1U < pattern.segments.size()) {
    ++position.segment;
    positions.push_back(position);
  }
}

bool is_steady(const Pattern& pattern, Position position) {
  const auto& segments = pattern.segments;
  return segments[position.segment].is_any_depth ||
         (position.segment > 0 && segments[position.segment - 1U].is_any_depth);
}

SharedProgress progress_of(std::vector<Position> positions, std::span<const Rule> rules) {
  if (positions.empty()) return nullptr;
  std::ranges::sort(positions);
  const auto [first, last] = std::ranges::unique(positions);
  positions.erase(first, last);
  auto progress = std::make_shared<Progress>();
  progress->positions = std::move(positions);
  progress->is_steady = std::ranges::all_of(progress->positions, [rules](Position position) {
    return is_steady(rules[position.rule].pattern, position);
  });
  return progress;
}

/// Whether a name that the segment takes ends the pattern.
bool is_last(const Pattern& pattern, Position position) {
  return position.segment + 1U == pattern.segments.size();
}

bool takes(const Pattern& pattern, Position position, std::string_view name) {
  const Segment& segment = pattern.segments[position.segment];
  return segment.is_any_depth || segment.glob.matches(name);
}

}  // namespace

Table::Table(std::vector<Rule> rules) : rules_(std::move(rules)) {
  std::vector<Position> first;
  for (uint16_t i = 0; i < rules_.size(); ++i) {
    const Pattern& pattern = rules_[i].pattern;
    if (pattern.is_anchored) {
      add(first, pattern, {i, 0});
    } else if (pattern.segments.front().glob.is_literal()) {
      literal_[pattern.segments.front().glob.literal()].push_back(i);
    } else {
      globs_.push_back(i);
    }
  }
  at_root_ = progress_of(std::move(first), rules_);
}

bool Table::uses(Action action) const {
  return std::ranges::any_of(rules_, [action](const Rule& rule) { return rule.action == action; });
}

void Table::consider(Deciders& deciders, uint16_t rule, bool is_directory) const {
  if (rules_[rule].pattern.directories_only && !is_directory) return;
  auto& last = deciders[static_cast<size_t>(rules_[rule].action)];
  if (!last || *last < rule) last = rule;
}

Table::Deciders Table::decide(const SharedProgress& progress, std::string_view name,
                              bool is_directory) const {
  Deciders deciders;
  if (const auto found = literal_.find(name); found != literal_.end()) {
    for (const uint16_t rule : found->second) consider(deciders, rule, is_directory);
  }
  for (const uint16_t rule : globs_) {
    if (rules_[rule].pattern.segments.front().glob.matches(name)) {
      consider(deciders, rule, is_directory);
    }
  }
  if (progress == nullptr) return deciders;
  for (const Position position : progress->positions) {
    const Pattern& pattern = rules_[position.rule].pattern;
    if (is_last(pattern, position) && takes(pattern, position, name)) {
      consider(deciders, position.rule, is_directory);
    }
  }
  return deciders;
}

Verdict Table::judge(Verdict inherited, const SharedProgress& progress, std::string_view name,
                     bool is_directory) const {
  Verdict verdict = inherited;
  const Deciders deciders = decide(progress, name, is_directory);
  for (size_t action = 0; action < kActions; ++action) {
    if (deciders[action] && !rules_[*deciders[action]].pattern.is_negated) {
      verdict.add(static_cast<Action>(action));
    }
  }
  return verdict;
}

SharedProgress Table::enter(const SharedProgress& progress, std::string_view name) const {
  if (progress == nullptr) return nullptr;
  const auto leads_on = [&](Position position) {
    const Pattern& pattern = rules_[position.rule].pattern;
    return !pattern.segments[position.segment].is_any_depth && !is_last(pattern, position) &&
           takes(pattern, position, name);
  };
  if (progress->is_steady && std::ranges::none_of(progress->positions, leads_on)) return progress;
  std::vector<Position> next;
  for (const Position position : progress->positions) {
    const Pattern& pattern = rules_[position.rule].pattern;
    if (pattern.segments[position.segment].is_any_depth) {
      add(next, pattern, position);
    } else if (leads_on(position)) {
      add(next, pattern, {position.rule, static_cast<uint16_t>(position.segment + 1)});
    }
  }
  SharedProgress below = progress_of(std::move(next), rules_);
  return are_equal(below, progress) ? progress : below;
}

bool are_equal(const SharedProgress& left, const SharedProgress& right) {
  if (left == right) return true;
  if (left == nullptr || right == nullptr) return false;
  return left->positions == right->positions;
}

std::vector<Reason> explain(const Table& table, std::string_view path, bool is_directory) {
  std::array<std::optional<Reason>, kActions> found;
  SharedProgress progress = table.at_root();
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    const bool is_last_name = path.find_first_not_of('/', end) == std::string_view::npos;
    begin = end + 1;
    if (name.empty()) continue;
    const auto deciders = table.decide(progress, name, !is_last_name || is_directory);
    for (size_t action = 0; action < kActions; ++action) {
      if (found[action] && found[action]->applies) continue;  // Of a directory above.
      found[action].reset();
      if (!deciders[action]) continue;
      const Rule& rule = table.rules()[*deciders[action]];
      found[action] =
          Reason{rule.action, &rule, std::string(path.substr(0, end)), !rule.pattern.is_negated};
    }
    progress = table.enter(progress, name);
  }
  std::vector<Reason> reasons;
  for (auto& reason : found) {
    if (reason) reasons.push_back(std::move(*reason));
  }
  return reasons;
}

}  // namespace overpass::rules
