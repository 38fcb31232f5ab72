// SPDX-License-Identifier: MIT

#include "broker/arguments.h"

#include "base/number.h"

namespace overpass::broker {

namespace {

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

Expected<uint32_t> read_number(const NumberOption& option, std::string_view value) {
  const auto number = number_of<uint32_t>(value);
  if (!number || *number == 0 || *number > option.most) {
    return problem(std::string(option.name) + " wants a number from 1 to " +
                       std::to_string(option.most) + ", not '" + std::string(value) + "'",
                   "");
  }
  return *number;
}

/// Takes an option that has a value; false when `name` is none of these.
Expected<bool> take_value(Arguments& arguments, std::string_view name, std::string_view value) {
  if (name == "--socket") {
    arguments.socket = value;
    return true;
  }
  if (name == "--user") {
    arguments.user = value;
    return true;
  }
  for (const NumberOption& option : kNumbers) {
    if (option.name != name) continue;
    const auto number = read_number(option, value);
    if (!number) return std::unexpected(number.error());
    arguments.limits.*option.member = *number;
    return true;
  }
  return false;
}

bool has_value(std::string_view name) {
  if (name == "--socket" || name == "--user") return true;
  for (const NumberOption& option : kNumbers) {
    if (option.name == name) return true;
  }
  return false;
}

}  // namespace

Expected<Arguments> read_arguments(std::span<const char* const> words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    if (has_value(name)) {
      if (equals == std::string_view::npos && i + 1 == words.size()) {
        return problem("option " + std::string(name) + " needs a value", "");
      }
      const std::string_view value =
          equals == std::string_view::npos ? words[++i] : word.substr(equals + 1);
      if (value.empty()) return problem("option " + std::string(name) + " needs a value", "");
      const auto taken = take_value(arguments, name, value);
      if (!taken) return std::unexpected(taken.error());
    } else if (word == "--list") {
      arguments.action = Action::List;
    } else if (word == "--help" || word == "-h") {
      arguments.action = Action::Help;
    } else if (word == "--version" || word == "-V") {
      arguments.action = Action::Version;
    } else {
      return problem("unknown argument '" + std::string(word) + "'",
                     "'overpass-broker --help' lists the options");
    }
  }
  return arguments;
}

std::string_view help_text() {
  return "usage: overpass-broker [OPTIONS]\n"
         "       overpass-broker --list [--socket PATH]\n"
         "\n"
         "Registers backing files for FUSE servers of ordinary users, so that the kernel reads "
         "and\n"
         "writes their files directly. See overpass-broker(8).\n"
         "\n"
         "  --socket PATH              where to listen, unless a socket was passed (LISTEN_FDS);\n"
         "                             default /run/overpass/broker.sock\n"
         "  --user NAME|UID            whom to become when started by the superuser;\n"
         "                             default overpass-broker\n"
         "  --clients N                connections, of all users together; default 256\n"
         "  --clients-per-user N       default 32\n"
         "  --files N                  registered files, of all users together; default 131072\n"
         "  --files-per-user N         default 32768\n"
         "  --requests-per-second N    of each user; default 20000\n"
         "  --list                     show the clients of the running broker\n"
         "  -h, --help                 show this help\n"
         "  -V, --version              show the version\n";
}

}  // namespace overpass::broker
