// SPDX-License-Identifier: MIT
//
// The decision table, case by case.

#include "overlay/state/open_mode.h"

#include <cassert>

namespace overpass::overlay {

OpenAnswer OpenMode::decide(const OpenQuestion& question) const {
  assert(!question.writing || question.content == Side::Upper);
  if (handles_ == 0) {
    // Nothing binds this node: it may take the current content in either way.
    return question.may_pass_through ? OpenAnswer::NewBacking : OpenAnswer::Cached;
  }
  if (serving_ == Serving::Cached) return OpenAnswer::Cached;
  if (side_ == Side::Upper) return OpenAnswer::HeldBacking;
  // Passed-through readers hold the lower's content.
  if (question.superseded) {
    // The path leads to the successor. Only an open that walks no path, or not again, ends here.
    const bool may_share = !question.writing && question.shares_lower;
    return may_share ? OpenAnswer::HeldBacking : OpenAnswer::Stale;
  }
  return question.writing ? OpenAnswer::Split : OpenAnswer::HeldBacking;
}

void OpenMode::opened_new(Side side, SharedBacking backing) {
  assert(handles_ == 0);
  serving_ = Serving::Passthrough;
  side_ = side;
  cached_version.reset();  // What is written goes past the kernel's pages,
  copy.reset();            // and past the daemon.
  idle_ = backing;
  held_ = std::move(backing);
  count_open();
}

void OpenMode::opened_cached(bool writes) {
  assert(handles_ == 0 || serving_ == Serving::Cached);
  serving_ = Serving::Cached;
  count_open();
  if (writes) ++cached_writers_;
}

void OpenMode::released(bool wrote) {
  assert(handles_ > 0);
  if (wrote && serving_ == Serving::Cached) --cached_writers_;
  if (--handles_ == 0) held_.reset();
}

}  // namespace overpass::overlay
