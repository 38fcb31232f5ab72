// SPDX-License-Identifier: MIT

#include "broker/arguments.h"

#include "base/nearest.h"
#include "base/number.h"

namespace overpass::broker {

namespace {

using command_line::GivenFlag;
using command_line::Value;

constexpr command_line::Flag kServiceFlags[] = {
    {"--socket", '\0', "PATH",
     "where to listen, unless a socket was passed (LISTEN_FDS);\n"
     "                              default /run/overpass/broker.sock",
     Value::File},
    {"--user", '\0', "NAME|UID",
     "the user to become when started by the superuser;\n"
     "                              default overpass-broker"},
    {"--list", '\0', "", "show the clients of the running broker"},
    command_line::kHelpFlag,
    {"--version", 'V', "", "show the version"},
};

constexpr command_line::Flag kLimitFlags[] = {
    {"--clients", '\0', "N", "connections, of all users together; default 256"},
    {"--clients-per-user", '\0', "N", "default 32"},
    {"--files", '\0', "N", "registered files, of all users together; default 131072"},
    {"--files-per-user", '\0', "N", "default 32768"},
    {"--requests-per-second", '\0', "N", "of each user; default 20000"},
};

constexpr command_line::FlagGroup kGroups[] = {{"Service", kServiceFlags}, {"Limits", kLimitFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass-broker --socket /run/overpass/broker.sock",
     "Serves there, if no service manager starts it."},
    {"overpass-broker --list", "Shows who uses the broker."},
};

/// An option with a number as its value.
struct NumberOption {
  std::string_view name;
  uint32_t Limits::*member;
  uint32_t most;
};

constexpr NumberOption kNumbers[] = {
    {"--clients", &Limits::clients, 4096},
    {"--clients-per-user", &Limits::clients_per_user, 4096},
    {"--files", &Limits::files, 1U << 30},
    {"--files-per-user", &Limits::files_per_user, 1U << 24},
    {"--requests-per-second", &Limits::requests_per_second, 1U << 20},
};

Expected<void> take_number(Limits& limits, const GivenFlag& flag) {
  for (const NumberOption& option : kNumbers) {
    if (option.name != flag.name) continue;
    const auto number = number_of<uint32_t>(flag.value);
    if (!number || *number == 0 || *number > option.most) {
      return problem(std::string(option.name) + " wants a number from 1 to " +
                     std::to_string(option.most) + ", not " + in_quotes(flag.value));
    }
    limits.*option.member = *number;
  }
  return {};
}

Expected<void> take(Arguments& arguments, const GivenFlag& flag) {
  const bool has_value = !command_line::find_flag(kBrokerCommand, flag.name)->argument.empty();
  if (has_value && flag.value.empty()) {
    return problem("option " + in_quotes(flag.name) + " needs a value");
  }
  if (flag.name == "--socket") arguments.socket = flag.value;
  if (flag.name == "--user") arguments.user = flag.value;
  if (flag.name == "--list") arguments.action = Action::List;
  if (flag.name == "--help") arguments.action = Action::Help;
  if (flag.name == "--version") arguments.action = Action::Version;
  return take_number(arguments.limits, flag);
}

}  // namespace

constexpr command_line::Command kBrokerCommand = {
    .name = "",
    .synopsis = "overpass-broker [OPTIONS]\noverpass-broker --list [--socket PATH]",
    .summary = "register files for passthrough on behalf of FUSE servers of ordinary users",
    .description = "The kernel reads and writes registered files directly. See overpass-broker(8).",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Nothing,
    .help_call = "overpass-broker --help",
};

Expected<Arguments> read_arguments(const command_line::Arguments& words) {
  const auto parsed = command_line::parse(words, kBrokerCommand);
  if (!parsed) return std::unexpected(parsed.error());
  if (!parsed->operands.empty()) {
    return problem("unknown argument " + in_quotes(parsed->operands.front()),
                   "'overpass-broker --help' lists the options");
  }
  Arguments arguments;
  for (const GivenFlag& flag : parsed->flags) {
    if (auto ok = take(arguments, flag); !ok) return std::unexpected(ok.error());
  }
  return arguments;
}

}  // namespace overpass::broker
