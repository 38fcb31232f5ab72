// SPDX-License-Identifier: MIT
//
// Runs a function at the end of a scope, for clean-up that has no owner type of its own.

#ifndef OVERPASS_BASE_SCOPE_EXIT_H_
#define OVERPASS_BASE_SCOPE_EXIT_H_

#include <utility>

namespace overpass {

template <class F>
class [[nodiscard]] ScopeExit {
 public:
  explicit ScopeExit(F function) : function_(std::move(function)) {}
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  ~ScopeExit() {
    if (armed_) function_();
  }
  /// The clean-up is no longer needed.
  void dismiss() { armed_ = false; }

 private:
  F function_;
  bool armed_ = true;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_SCOPE_EXIT_H_
