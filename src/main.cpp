// SPDX-License-Identifier: MIT
//
// Entry point: hands the name and the arguments to the command table in cli/.

#include "cli/command.h"
#include "sys/inheritance.h"

int main(int argc, char** argv) {
  overpass::sys::reset_signals();
  auto context = overpass::cli::process_context();
  const overpass::cli::Arguments arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return overpass::cli::run_as(context, argc > 0 ? argv[0] : "overpass", arguments);
}
