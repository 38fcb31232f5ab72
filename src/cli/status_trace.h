// SPDX-License-Identifier: MIT

#ifndef OVERPASS_CLI_STATUS_TRACE_H_
#define OVERPASS_CLI_STATUS_TRACE_H_

#include <string>

#include "base/problem.h"
#include "cli/context.h"

namespace overpass::cli {

/// Prints the requests to the union at `mountpoint` as they are answered, a line each, until the
/// union goes or a signal ends the command. It begins with those that are under way. A Problem when
/// the union does not tell.
Expected<void> trace_requests(Context& context, const std::string& mountpoint);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_STATUS_TRACE_H_
