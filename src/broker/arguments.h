// SPDX-License-Identifier: MIT
//
// The command line of overpass-broker. Pure: text to plain data.

#ifndef OVERPASS_BROKER_ARGUMENTS_H_
#define OVERPASS_BROKER_ARGUMENTS_H_

#include <span>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "broker/quotas.h"
#include "overpass/broker_protocol.h"

namespace overpass::broker {

enum class Action { Serve, List, Help, Version };

struct Arguments {
  Action action = Action::Serve;
  std::string socket = broker_protocol::kDefaultSocket;
  std::string user = "overpass-broker";  ///< Whom the superuser becomes; name or number.
  Limits limits;
};

Expected<Arguments> read_arguments(std::span<const char* const> words);

/// What --help prints.
std::string_view help_text();

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_ARGUMENTS_H_
