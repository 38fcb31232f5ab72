// SPDX-License-Identifier: MIT
//
// The one file of cli/ that refers to the daemon: tests that bring their own link without it.

#include <cstdlib>
#include <iostream>

#include "cli/context.h"
#include "fuse/serve.h"

namespace overpass::cli {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Context process_context() {
  const std::string home = environment("HOME");
  std::vector<std::string> files;
  if (const std::string directory = environment("XDG_CONFIG_HOME"); directory.starts_with("/")) {
    files.push_back(directory + "/overpass/overpass.toml");
  } else if (!home.empty()) {
    files.push_back(home + "/.config/overpass/overpass.toml");
  }
  files.emplace_back("/etc/overpass/overpass.toml");
  return Context{std::cout, std::cerr, fuse::serve, std::move(files), home, fuse::serve_handover};
}

}  // namespace overpass::cli
