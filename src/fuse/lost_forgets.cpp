// SPDX-License-Identifier: MIT
//
// The kernel queues the FORGET of a node before it is without it.

#include "fuse/lost_forgets.h"

#include "base/log.h"

namespace overpass::fuse {

namespace {

/// How many nodes are looked at in one go, each by a system call, before others of the notifier's
/// work get their turn.
constexpr size_t kInOneGo = 4096;
constexpr LostForgets::Milliseconds kBetweenGoes{5};

}  // namespace

LostForgets::LostForgets(overlay::InodeTable& table, Notifier& notifier, Kernel kernel,
                         Milliseconds pause)
    : table_(table), notifier_(notifier), kernel_(std::move(kernel)), pause_(pause) {
  notifier_.add(chore_);
}

LostForgets::~LostForgets() { notifier_.remove(chore_); }

void LostForgets::look() { notifier_.ask_for(chore_, pause_); }

void LostForgets::work() {
  switch (step_) {
    case Step::First:
      return look_first();
    case Step::Waiting:
      if (!kernel_.has_waiting()) step_ = Step::Second;
      return notifier_.ask_for(chore_, pause_);
    case Step::Second:
      return look_again();
  }
}

void LostForgets::look_first() {
  if (nodes_.empty()) nodes_ = table_.known_nodes();
  for (size_t i = 0; i < kInOneGo && !nodes_.empty(); ++i) {
    const overlay::NodeId node = nodes_.back();
    nodes_.pop_back();
    // Counted first: a lookup between the two makes the count another one.
    const uint64_t lookups = table_.lookups(node);
    if (node == overlay::kRootNode || lookups == 0 || kernel_.has_node(node)) continue;
    missing_.push_back({node, lookups});
  }
  if (!nodes_.empty()) return notifier_.ask_for(chore_, kBetweenGoes);
  nodes_.shrink_to_fit();
  if (missing_.empty()) return;
  step_ = Step::Waiting;
  notifier_.ask_for(chore_, pause_);
}

void LostForgets::look_again() {
  size_t forgotten = 0;
  for (const Missing& missing : missing_) {
    if (kernel_.has_node(missing.node)) continue;
    if (table_.forget_if(missing.node, missing.lookups)) ++forgotten;
  }
  missing_ = {};
  log::debug("%zu nodes are forgotten whose FORGET a former daemon died with", forgotten);
}

}  // namespace overpass::fuse
