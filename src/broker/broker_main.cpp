// SPDX-License-Identifier: MIT
//
// Entry point of overpass-broker.

#include <cstdio>
#include <optional>
#include <string>

#include "base/log.h"
#include "broker/arguments.h"
#include "broker/listing.h"
#include "broker/start.h"
#include "command_line/completion.h"
#include "command_line/help.h"

namespace overpass::broker {

namespace {

int fail_with(const Problem& problem, int status) {
  std::fprintf(stderr, "overpass-broker: %s\n", problem.line().c_str());
  return status;
}

int print(const std::string& text) { return std::fputs(text.c_str(), stdout) < 0 ? 1 : 0; }

/// What scripts of shells and tests/lint ask for; nothing for another command line.
std::optional<std::string> answer_hidden(const command_line::Arguments& words) {
  if (words.empty()) return std::nullopt;
  if (words.front() == command_line::kListingWord) return command_line::listing_of(kBrokerCommand);
  if (words.front() != command_line::kCompleteWord) return std::nullopt;
  const command_line::Program program = {{}, &kBrokerCommand};
  const auto no_values = [](auto, auto) { return command_line::Completion{}; };
  return text_of(complete(program, std::span(words).subspan(1), no_values));
}

int run(const command_line::Arguments& words) {
  if (const auto text = answer_hidden(words)) return print(*text);
  const auto arguments = read_arguments(words);
  if (!arguments) return fail_with(arguments.error(), 2);
  switch (arguments->action) {
    case Action::Help:
      return print(command_line::help_of(kBrokerCommand));
    case Action::Version:
      return print("overpass-broker " OVERPASS_VERSION "\n");
    case Action::List: {
      const auto table = list_clients(arguments->socket);
      if (!table) return fail_with(table.error(), 1);
      return print(*table);
    }
    case Action::Serve:
      break;
  }
  log::configure(log::Target::StandardError, false, "overpass-broker");
  const auto served = start(*arguments);
  return served ? 0 : fail_with(served.error(), 1);
}

}  // namespace

}  // namespace overpass::broker

int main(int argc, char** argv) {
  return overpass::broker::run({argv + (argc > 0 ? 1 : 0), argv + argc});
}
