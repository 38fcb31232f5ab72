// SPDX-License-Identifier: MIT
//
// A temporary directory, and a Context that writes to strings, for tests of commands.

#ifndef OVERPASS_TESTS_UNIT_CLI_SCRATCH_H_
#define OVERPASS_TESTS_UNIT_CLI_SCRATCH_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "cli/context.h"

namespace overpass::cli {

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "overpass-cli-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;  // A leftover in the temporary directory is not worth a failure.
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path(const std::string& name) const { return (path_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }

  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

/// Runs nothing real: what serve is called with is kept.
struct FakeWorld {
  Scratch scratch;
  std::ostringstream out, err;
  std::vector<config::Options> served;
  Expected<void> outcome;

  Context context() {
    return Context{out,
                   err,
                   [this](const config::Options& options, const std::function<void()>& on_ready) {
                     served.push_back(options);
                     if (outcome) on_ready();
                     return outcome;
                   },
                   {scratch.path("user.toml"), scratch.path("system.toml")},
                   "/home/u"};
  }
};

}  // namespace overpass::cli

#endif  // OVERPASS_TESTS_UNIT_CLI_SCRATCH_H_
