// SPDX-License-Identifier: MIT
//
// Every sequence of up to six operations (five in the brief form) on one file, driven through
// OpenMode the way open_file.cpp drives it, and judged by what does not depend on it: the kernel's
// rules (kernel_model.h), that no writer ever gets the lower file, that ids live as long as their
// handles, that one repeated walk of the path is always enough, and that a caller that walks the
// path sees what was written before.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../../base/brief.h"
#include "../kernel_model.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {
namespace {

using unit::KernelInode;

enum Step : unsigned {
  ReadByPath,
  WriteByPath,
  TruncateByPath,  // truncate(2), and what open(2) with O_TRUNC does beyond opening.
  ReadByNode,      // Without a walk: /proc/self/fd, a bind mount of the file.
  WriteByNode,
  CopyUpMetadata,
  LookUp,
  ReleaseFirst,
  ReleaseLast,
  kStepsOnOneName,
  // With a second hard link.
  ReadByOtherName = kStepsOnOneName,
  WriteByOtherName,
  LookUpOtherName,
  kSteps,
};

constexpr const char* kStepNames[] = {
    "read",          "write",           "truncate",         "read by node",
    "write by node", "chmod",           "lookup",           "release first",
    "release last",  "read other name", "write other name", "lookup other name"};

struct World {
  Side start;
  bool lower_passes;  ///< Off with lower_io=cached.
  bool upper_passes;  ///< Off without privilege, with the other.
  bool keeps_idle_ids;
  unsigned names;
};

class FakeFiles : public BackingFiles {
 public:
  bool is_available() const override { return true; }
  Result<int32_t> open(BorrowedFd, BackingUse) override { return ++last_; }
  void close(int32_t id) override { closed_.push_back(id); }
  bool is_live(int32_t id) const {
    return std::find(closed_.begin(), closed_.end(), id) == closed_.end();
  }
  int32_t opened() const { return last_; }

 private:
  int32_t last_ = 0;
  std::vector<int32_t> closed_;
};

struct Node {
  OpenMode mode;
  KernelInode kernel;
  bool superseded = false;
};

struct Handle {
  Node* node;
  std::optional<int32_t> id;  ///< Nothing when the daemon serves it, always from the current file.
  Side side;
  bool writes;
};

/// One file, its daemon and its kernel.
class Play {
 public:
  explicit Play(const World& world) : world_(world), content_(world.start) {
    dentries_.fill(&first_);
  }

  /// False when the step has nothing to work on.
  bool take(Step step) {
    switch (step) {
      case ReadByPath:
      case WriteByPath:
        walk(0, step == WriteByPath);
        return true;
      case ReadByOtherName:
      case WriteByOtherName:
        walk(1, step == WriteByOtherName);
        return true;
      case ReadByNode:
      case WriteByNode:
        (void)open(first_, step == WriteByNode);
        return true;
      case TruncateByPath:
        truncate();
        return true;
      case CopyUpMetadata:
        if (content_ == Side::Upper) return false;
        content_ = Side::Upper;
        return true;
      case LookUp:
        return look_up(0);
      case LookUpOtherName:
        return look_up(1);
      case ReleaseFirst:
        return release(0);
      case ReleaseLast:
        return handles_.size() > 1 && release(handles_.size() - 1);
      case kSteps:
        break;
    }
    return false;
  }

  const char* complaint() const { return complaint_; }

 private:
  enum class Outcome { Opened, Stale };

  void demand(bool holds, const char* what) {
    if (!holds && complaint_ == nullptr) complaint_ = what;
  }

  bool passes(Side side) const {
    return side == Side::Lower ? world_.lower_passes : world_.upper_passes;
  }

  void supersede(Node& node) {
    demand(&node == &first_, "a successor is never superseded: it never holds a lower");
    node.superseded = true;
    stale_names_ = world_.names;
    is_stale_.fill(true);
  }

  /// As open_file.cpp has it: no path leads elsewhere, or elsewhere are the same bytes.
  bool shares_lower() const { return stale_names_ == 0 || !has_diverged_; }

  Outcome open(Node& node, bool writes) {
    if (writes) content_ = Side::Upper;
    const Side content = node.superseded ? Side::Upper : content_;
    const OpenQuestion question = {writes, content, passes(content), node.superseded,
                                   node.superseded && shares_lower()};
    const OpenAnswer answer = node.mode.decide(question);
    switch (answer) {
      case OpenAnswer::Split:
        demand(writes, "readers never split");
        supersede(node);
        return refused(node, writes);
      case OpenAnswer::Stale:
        return refused(node, writes);
      case OpenAnswer::HeldBacking: {
        const Side side = side_of_[static_cast<size_t>(node.mode.backing()->value())];
        node.mode.opened_held();
        return opened(node, node.mode.backing()->value(), side, writes);
      }
      case OpenAnswer::NewBacking:
        return opened(node, back(node, content), content, writes);
      case OpenAnswer::Cached:
        node.mode.opened_cached(/*writes=*/false);
        return opened(node, std::nullopt, content_, writes);
    }
    return Outcome::Stale;
  }

  Outcome refused(const Node& node, bool writes) {
    demand(node.kernel.opens() > 0, "without open handles every open succeeds");
    demand(writes || stale_names_ > 0, "a reader is refused only until the path was walked");
    return Outcome::Stale;
  }

  int32_t back(Node& node, Side content) {
    SharedBacking backing = node.mode.idle_backing(content);
    if (backing == nullptr) {
      if (SharedBacking old = node.mode.idle_backing(Side::Lower)) std::erase(idle_cache_, old);
      const auto use = content == Side::Lower ? BackingUse::Read : BackingUse::ReadAndWrite;
      backing = std::make_shared<BackingId>(files_, *files_.open(BorrowedFd{-1}, use));
      side_of_.resize(static_cast<size_t>(files_.opened()) + 1);
      side_of_[static_cast<size_t>(backing->value())] = content;
      if (world_.keeps_idle_ids) idle_cache_.push_back(backing);
    }
    node.mode.opened_new(content, backing);
    return backing->value();
  }

  Outcome opened(Node& node, std::optional<int32_t> id, Side side, bool writes) {
    demand(node.kernel.accepts(id), "the kernel refuses the reply: EIO");
    node.kernel.opened(id);
    handles_.push_back({&node, id, side, writes});
    // A handle that may write may have written before the next open.
    if (writes) has_diverged_ = true;
    check_handles();
    return Outcome::Opened;
  }

  void check_handles() {
    for (const Handle& handle : handles_) {
      demand(!handle.id || files_.is_live(*handle.id), "an id in use was closed");
      demand(!handle.writes || !handle.id || handle.side == Side::Upper, "a writer has the lower");
      demand(!handle.id || handle.node->mode.backing() != nullptr, "an open backing was lost");
      demand(!handle.id || handle.node->mode.backing()->value() == *handle.id, "two backings");
    }
    demand(first_.mode.handles() == static_cast<uint32_t>(first_.kernel.opens()), "miscounted");
  }

  /// open(2) of a name: walked once more when it is stale, and only once.
  void walk(unsigned name, bool writes) {
    const bool must_be_current = writes || has_diverged_;
    if (open(*dentries_[name], writes) == Outcome::Stale) {
      (void)look_up(name);
      const bool again = open(*dentries_[name], writes) == Outcome::Stale;
      demand(!again, "a second ESTALE reaches the caller");
      if (again) return;
    }
    const Handle& handle = handles_.back();
    demand(!must_be_current || !handle.id || handle.side == Side::Upper, "an old view by path");
  }

  void truncate() {
    content_ = Side::Upper;
    has_diverged_ = true;
    if (!first_.superseded && first_.mode.readers_hold_lower()) supersede(first_);
  }

  bool look_up(unsigned name) {
    if (!first_.superseded || !is_stale_[name]) return false;
    dentries_[name] = &successor_;
    is_stale_[name] = false;
    --stale_names_;
    return true;
  }

  bool release(size_t which) {
    if (which >= handles_.size()) return false;
    Node& node = *handles_[which].node;
    node.mode.released(/*wrote=*/false);
    node.kernel.released();
    handles_.erase(handles_.begin() + static_cast<std::ptrdiff_t>(which));
    check_handles();
    return true;
  }

  const World& world_;
  FakeFiles files_;
  std::vector<SharedBacking> idle_cache_;
  std::vector<Side> side_of_;  ///< By id.
  Node first_, successor_;
  std::array<Node*, 2> dentries_;
  std::array<bool, 2> is_stale_ = {};
  unsigned stale_names_ = 0;
  Side content_;
  bool has_diverged_ = false;
  std::vector<Handle> handles_;
  const char* complaint_ = nullptr;
};

std::string text_of(const std::vector<Step>& sequence) {
  std::string text;
  for (const Step step : sequence) text += std::string(text.empty() ? "" : ", ") + kStepNames[step];
  return text;
}

/// Plays every sequence of `length` steps; each prefix of one is itself judged on the way.
size_t play_all(const World& world, size_t length) {
  const unsigned kinds = world.names == 1 ? unsigned{kStepsOnOneName} : unsigned{kSteps};
  size_t played = 0;
  std::vector<Step> sequence(length, ReadByPath);
  while (true) {
    Play play(world);
    size_t taken = 0;
    while (taken < length && play.take(sequence[taken])) ++taken;
    ++played;
    if (play.complaint() != nullptr) {
      ADD_FAILURE() << play.complaint() << " after: " << text_of(sequence);
      return played;
    }
    // A step without effect makes everything after it equal to a shorter sequence.
    size_t at = std::min(taken, length - 1);
    for (size_t i = at + 1; i < length; ++i) sequence[i] = ReadByPath;
    while (sequence[at] + 1 == kinds) {
      sequence[at] = ReadByPath;
      if (at-- == 0) return played;
    }
    sequence[at] = static_cast<Step>(sequence[at] + 1);
  }
}

class OpenModeSequences : public testing::TestWithParam<World> {};

TEST_P(OpenModeSequences, NeverBreakAPromise) {
  // Shorter ones first, so that what is reported is the shortest.
  const size_t longest = unit::is_brief() ? 5 : 6;
  size_t played = 0;
  for (size_t length = 1; length <= longest && !HasFailure(); ++length) {
    played += play_all(GetParam(), length);
  }
  RecordProperty("sequences", std::to_string(played));
}

std::vector<World> all_worlds() {
  std::vector<World> worlds;
  for (const Side start : {Side::Lower, Side::Upper}) {
    for (const bool keeps_idle_ids : {false, true}) {
      for (const unsigned names : {1U, 2U}) {
        worlds.push_back({start, true, true, keeps_idle_ids, names});
        worlds.push_back({start, false, true, keeps_idle_ids, names});
        worlds.push_back({start, false, false, keeps_idle_ids, names});
      }
    }
  }
  return worlds;
}

std::string name_of(const testing::TestParamInfo<World>& info) {
  const World& world = info.param;
  return std::string(world.start == Side::Lower ? "Lower" : "Upper") +
         (world.lower_passes   ? ""
          : world.upper_passes ? "CachedLower"
                               : "Cached") +
         (world.keeps_idle_ids ? "IdleIds" : "") + (world.names == 2 ? "HardLinked" : "");
}

INSTANTIATE_TEST_SUITE_P(All, OpenModeSequences, testing::ValuesIn(all_worlds()), name_of);

}  // namespace
}  // namespace overpass::overlay
