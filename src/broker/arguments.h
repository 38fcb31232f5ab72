// SPDX-License-Identifier: MIT
//
// The command line of overpass-broker. Pure: text to plain data.

#ifndef OVERPASS_BROKER_ARGUMENTS_H_
#define OVERPASS_BROKER_ARGUMENTS_H_

#include <string>

#include "base/problem.h"
#include "broker/quotas.h"
#include "command_line/parse.h"
#include "overpass/broker_protocol.h"

namespace overpass::broker {

enum class Action { Serve, List, Help, Version };

struct Arguments {
  Action action = Action::Serve;
  std::string socket = broker_protocol::kDefaultSocket;
  std::string user = "overpass-broker";  ///< The superuser becomes this one; name or number.
  Limits limits;
};

extern const command_line::Command kBrokerCommand;

Expected<Arguments> read_arguments(const command_line::Arguments& words);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_ARGUMENTS_H_
