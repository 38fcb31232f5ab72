// SPDX-License-Identifier: MIT
//
// The end of `overpass run`: what was changed, and what becomes of it.

#ifndef OVERPASS_CLI_RUN_END_H_
#define OVERPASS_CLI_RUN_END_H_

#include <cstddef>
#include <string>

#include "cli/run_call.h"
#include "sandbox/store.h"

namespace overpass::cli {

/// How large the log of rules is; 0 if there is none. What is behind that at the end is of this
/// run.
size_t size_of_log(const std::string& log);

/// Says how many calls were refused by rules since the log had that size, if any.
void tell_refusals(Context& context, const std::string& log, size_t offset);

/// Once the visit has ended. Nothing is done while others are in the sandbox. On a terminal, the
/// changes of a sandbox without a name are told, and a question asked. Returns the exit status:
/// `status`, unless the sandbox cannot be removed.
Expected<int> end_run(Context& context, const RunCall& call, const sandbox::Sandbox& sandbox,
                      int status);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_RUN_END_H_
