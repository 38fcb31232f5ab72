// SPDX-License-Identifier: MIT
//
// Entry point of overpass-broker.

#include <cstdio>

#include "base/log.h"
#include "broker/arguments.h"
#include "broker/listing.h"
#include "broker/start.h"

namespace overpass::broker {

namespace {

int fail_with(const Problem& problem, int status) {
  std::fprintf(stderr, "overpass-broker: %s\n", problem.line().c_str());
  return status;
}

int run(std::span<const char* const> words) {
  const auto arguments = read_arguments(words);
  if (!arguments) return fail_with(arguments.error(), 2);
  switch (arguments->action) {
    case Action::Help:
      (void)std::fputs(help_text().data(), stdout);
      return 0;
    case Action::Version:
      (void)std::puts("overpass-broker " OVERPASS_VERSION);
      return 0;
    case Action::List: {
      const auto table = list_clients(arguments->socket);
      if (!table) return fail_with(table.error(), 1);
      return std::fputs(table->c_str(), stdout) < 0 ? 1 : 0;
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
