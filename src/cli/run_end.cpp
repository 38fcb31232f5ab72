// SPDX-License-Identifier: MIT

#include "cli/run_end.h"

#include <cstring>

#include "base/nearest.h"

namespace overpass::cli {

Expected<int> end_run(Context&, const RunCall& call, const sandbox::Sandbox& sandbox, int status) {
  const auto lock = sandbox.lock();
  if (!lock || !call.is_discarded) return status;
  const auto removed = sandbox::remove_sandbox(sandbox::store_path(), sandbox);
  if (removed) return status;
  return problem(
      in_quotes(sandbox.path()) + " cannot be removed: " + std::strerror(to_int(removed.error())),
      "remove it");
}

}  // namespace overpass::cli
