// SPDX-License-Identifier: MIT
//
// `overpass version`, and `overpass --version`: the program, its libfuse, and what it finds on this
// machine. Nothing is mounted to find it out.

#include <sys/utsname.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "broker/client.h"
#include "cli/commands.h"
#include "fuse/library.h"
#include "sys/credentials.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  ///< Of the JSON document; raised when a key changes.
constexpr int kBrokerPatienceMs = 500;

constexpr command_line::Flag kFlags[] = {
    {"--json", '\0', "", "write one JSON document, with libfuse and what was found"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass --version --json", "The versions, and what this machine offers."}};

/// "usable", or "not usable" with why not.
Json finding(const std::string& why_not) {
  return {{"usable", why_not.empty()}, {"reason", why_not}};
}

std::string why_no_io_uring() {
  const auto text = sys::read_file("/sys/module/fuse/parameters/enable_uring");
  if (!text) return "the kernel has no FUSE over io_uring";
  if (text->starts_with('Y')) return "";
  return "it is switched off in /sys/module/fuse/parameters/enable_uring";
}

std::string why_no_broker() {
  const std::string path = broker::Client::usual_path();
  const auto connection = broker::Client::connect(path, kBrokerPatienceMs);
  return connection ? "" : path + ": " + std::strerror(to_int(connection.error()));
}

/// The kernel says only to a mount whether it passes through; here its version stands for that.
std::string why_no_passthrough(const char* release, const std::string& why_no_broker) {
  char* rest = nullptr;
  const unsigned long major = std::strtoul(release, &rest, 10);
  const unsigned long minor = *rest == '.' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  if (major < 6 || (major == 6 && minor < 9)) return "the kernel is older than 6.9";
  if (sys::is_privileged_in_initial_namespace() || why_no_broker.empty()) return "";
  return "this user may not register files, and no broker answers";
}

Json describe() {
  utsname kernel = {};
  (void)::uname(&kernel);  // Fails only for a bad address.
  const std::string no_broker = why_no_broker();
  return {{"format", kFormat},
          {"version", OVERPASS_VERSION},
          {"libfuse", fuse::library_version()},
          {"fuse_protocol", fuse::library_protocol()},
          {"kernel", kernel.release},
          {"found",
           {{"passthrough", finding(why_no_passthrough(kernel.release, no_broker))},
            {"io_uring", finding(why_no_io_uring())},
            {"broker", finding(no_broker)}}}};
}

}  // namespace

constexpr command_line::Command kVersionCommand = {
    .name = "version",
    .synopsis = "overpass version [--json]\noverpass --version [--json]",
    .summary = "show the version, and what this machine offers",
    .description = "",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Nothing,
    .help_call = "overpass help version",
};

int run_version(Context& context, const ParsedArguments& parsed) {
  if (parsed.has("--json")) {
    context.out << describe().dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    context.out << "overpass " OVERPASS_VERSION "\n";
  }
  return kSuccess;
}

}  // namespace overpass::cli
