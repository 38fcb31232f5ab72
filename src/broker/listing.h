// SPDX-License-Identifier: MIT
//
// `overpass-broker --list`: what a running broker has registered for each client.

#ifndef OVERPASS_BROKER_LISTING_H_
#define OVERPASS_BROKER_LISTING_H_

#include <string>

#include "base/problem.h"

namespace overpass::broker {

/// A table of the clients of the broker listening at `socket`, one line each.
Expected<std::string> list_clients(const std::string& socket);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_LISTING_H_
