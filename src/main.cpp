// SPDX-License-Identifier: MIT
//
// Entry point: hands the name and the arguments to the command table in cli/.

#include "cli/command.h"
#include "cli/replace.h"
#include "sys/inheritance.h"

int main(int argc, char** argv) {
  const overpass::cli::Arguments arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (!overpass::cli::takes_over(arguments)) overpass::sys::reset_signals();
  auto context = overpass::cli::process_context();
  return overpass::cli::run_as(context, argc > 0 ? argv[0] : "overpass", arguments);
}
