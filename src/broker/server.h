// SPDX-License-Identifier: MIT
//
// The process that listens: admits clients, gives each a process, keeps the users' accounts.

#ifndef OVERPASS_BROKER_SERVER_H_
#define OVERPASS_BROKER_SERVER_H_

#include "base/problem.h"
#include "base/unique_fd.h"
#include "broker/quotas.h"

namespace overpass::broker {

/// Serves until SIGTERM or SIGINT. `listener` must not block. REQUIRES: a
/// single thread; sys::seal_process().
Expected<void> serve(UniqueFd listener, const Limits& limits);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_SERVER_H_
