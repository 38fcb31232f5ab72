// SPDX-License-Identifier: MIT
//
// From a started process to a broker that listens and has no right that it does not need.

#ifndef OVERPASS_BROKER_START_H_
#define OVERPASS_BROKER_START_H_

#include "base/problem.h"
#include "broker/arguments.h"

namespace overpass::broker {

/// Serves until SIGTERM or SIGINT. To be called once, with a single thread.
Expected<void> start(const Arguments& arguments);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_START_H_
