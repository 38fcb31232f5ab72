// SPDX-License-Identifier: MIT
//
// Found out from the kernel's files and from the broker; a setting that is not there is not set.

#include "cli/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "broker/client.h"
#include "fuse/library.h"
#include "sys/credentials.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  ///< Of the JSON document; raised when a key changes.
constexpr int kBrokerPatienceMs = 500;

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

/// The first character of a file of the kernel's settings; '\0' when there is no such setting.
char setting(const char* path) {
  const auto text = sys::read_file(path);
  return text && !text->empty() ? text->front() : '\0';
}

}  // namespace

std::string describe_machine() {
  utsname kernel = {};
  (void)::uname(&kernel);  // Fails only for a bad address.
  const std::string no_broker = why_no_broker();
  const Json found = {{"format", kFormat},
                      {"version", OVERPASS_VERSION},
                      {"libfuse", fuse::library_version()},
                      {"fuse_protocol", fuse::library_protocol()},
                      {"kernel", kernel.release},
                      {"found",
                       {{"passthrough", finding(why_no_passthrough(kernel.release, no_broker))},
                        {"io_uring", finding(why_no_io_uring())},
                        {"broker", finding(no_broker)}}}};
  return found.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string describe_user_namespaces() {
  if (setting("/proc/sys/user/max_user_namespaces") == '0') {
    return "not usable: user.max_user_namespaces is 0";
  }
  if (sys::is_privileged_in_initial_namespace()) return "usable";
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") == '0') {
    return "not usable: kernel.unprivileged_userns_clone is 0";
  }
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == '1') {
    return "usable with an AppArmor profile that has 'userns,' only: "
           "kernel.apparmor_restrict_unprivileged_userns is 1";
  }
  return "usable";
}

std::string describe_user() {
  if (sys::is_privileged_in_initial_namespace()) return "root";
  return ::geteuid() == 0 ? "root of a user namespace" : "an ordinary user";
}

}  // namespace overpass::cli
