// SPDX-License-Identifier: MIT
//
// All rules of a mount, made ready for lookups. A lookup asks about one name in a directory whose
// answer is known already, so each name of a path is compared once, and no path is ever put
// together.
//
// For each action the last rule that matches decides, as in a .gitignore of that action's rules
// alone; rules of different actions do not undo each other. What applies to a directory applies to
// all below it, and no rule takes it back there, as in git.

#ifndef OVERPASS_RULES_TABLE_H_
#define OVERPASS_RULES_TABLE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/pattern.h"
#include "rules/verdict.h"

namespace overpass::rules {

struct Rule {
  Action action;
  Pattern pattern;
  std::string text;   ///< As it was written: "ACTION PATTERN".
  std::string where;  ///< Where it was written.
};

/// How far patterns that begin at the root have been matched when a walk is in some directory.
/// Opaque; null means that none of them can match below.
class Progress;
using SharedProgress = std::shared_ptr<const Progress>;

/// Constant after construction, so any thread may ask.
class Table {
 public:
  Table() = default;
  /// At most kMostRules.
  explicit Table(std::vector<Rule> rules);
  static constexpr size_t kMostRules = 10'000;

  bool is_empty() const { return rules_.empty(); }
  /// Whether some rule is of that action.
  bool uses(Action action) const;
  std::span<const Rule> rules() const { return rules_; }

  /// The progress in the mount's root, where no rule applies.
  const SharedProgress& at_root() const { return at_root_; }

  /// What applies to `name` in a directory that has `inherited` and `progress`.
  Verdict judge(Verdict inherited, const SharedProgress& progress, std::string_view name,
                bool is_directory) const;

  /// The progress in the directory `name` of such a directory. Shares that of its parent if they
  /// are equal.
  SharedProgress enter(const SharedProgress& progress, std::string_view name) const;

  /// Per action the rule that decides by this name alone; negated ones too.
  using Deciders = std::array<std::optional<uint16_t>, kActions>;
  Deciders decide(const SharedProgress& progress, std::string_view name, bool is_directory) const;

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  void consider(Deciders& deciders, uint16_t rule, bool is_directory) const;

  std::vector<Rule> rules_;
  /// Rules for names at any depth: of one name only, and others.
  std::unordered_map<std::string, std::vector<uint16_t>, NameHash, std::equal_to<>> literal_;
  std::vector<uint16_t> globs_;
  SharedProgress at_root_;
};

/// Whether both mean that the same patterns can match below.
bool are_equal(const SharedProgress& left, const SharedProgress& right);

/// Why a path is treated as it is.
struct Reason {
  Action action;
  const Rule* rule = nullptr;
  std::string path;     ///< What the rule matched: the path itself or a directory above it.
  bool applies = true;  ///< False: the last word is a negated rule.
};

/// The rules that decide about `path`, a path from the mount's root without "." and "..".
std::vector<Reason> explain(const Table& table, std::string_view path, bool is_directory);

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_TABLE_H_
