// SPDX-License-Identifier: MIT
//
// A sandbox that is made whole before it gets its name, by one rename: whatever interrupts the
// command that makes it, there is the whole sandbox or none.

#ifndef OVERPASS_SANDBOX_NEW_SANDBOX_H_
#define OVERPASS_SANDBOX_NEW_SANDBOX_H_

#include <optional>
#include <string>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "sandbox/store.h"

namespace overpass::sandbox {

class NewSandbox {
 public:
  /// Makes an empty one in the store, which no other command sees.
  static Expected<NewSandbox> begin(const std::string& store);
  NewSandbox(NewSandbox&&) = default;
  NewSandbox& operator=(NewSandbox&&) = delete;
  /// Removes it unless it has been published.
  ~NewSandbox();

  const Sandbox& sandbox() const { return *sandbox_; }

  /// Gives it its name. A problem if there is such a sandbox already. REQUIRES: it has a record.
  Expected<void> publish(const std::string& name);

 private:
  NewSandbox(std::string store, Sandbox sandbox, UniqueFd lock)
      : store_(std::move(store)), sandbox_(std::move(sandbox)), lock_(std::move(lock)) {}

  std::string store_;
  std::optional<Sandbox> sandbox_;  ///< Nothing once it is published.
  UniqueFd lock_;
};

/// Whether a new sandbox may be called `name`; the problem is for its user.
Expected<void> check_new_name(const std::string& store, const std::string& name);

/// Removes what killed commands have left of new sandboxes. Best effort.
void remove_unfinished(const std::string& store);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_NEW_SANDBOX_H_
