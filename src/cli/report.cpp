// SPDX-License-Identifier: MIT
//
// `overpass report`: what those need who are to find a fault, as text for an issue. Names of files
// are left out.

#include <sys/utsname.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "cli/mounted.h"
#include "cli/shortened.h"
#include "cli/status_report.h"
#include "cli/status_summary.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"

namespace overpass::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass report", "This machine and all mounts, for an issue."},
    {"overpass report merged", "The same, of one mount."},
};

/// Of a status: what names files, or says nothing to strangers.
constexpr const char* kLeftOut[] = {"rule_texts", "copies", "pid", "mountpoint", "layers"};

/// The name that the distribution gives itself; empty when it does not say.
std::string name_of_system() {
  constexpr std::string_view kKey = "PRETTY_NAME=\"";
  const auto text = sys::read_file("/etc/os-release");
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    std::string_view line = sys::cut_word(rest, '\n');
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    return std::string(line.substr(0, line.find('"')));
  }
  return "";
}

const char* fusermount() {
  for (const char* path : {"/usr/bin/fusermount3", "/bin/fusermount3", "/usr/local/bin/fusermount3",
                           "/run/wrappers/bin/fusermount3"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return "not found; mounts of ordinary users need it";
}

void print_machine(std::ostream& out) {
  const Json machine = Json::parse(describe_machine());
  utsname kernel = {};
  (void)::uname(&kernel);  // Fails only for a bad address.
  out << "overpass: " << machine["version"].get<std::string>() << "\n"
      << "libfuse: " << machine["libfuse"].get<std::string>() << ", protocol "
      << machine["fuse_protocol"].get<std::string>() << "\n"
      << "kernel: " << kernel.sysname << " " << kernel.release << " " << kernel.machine << "\n"
      << "system: " << name_of_system() << "\n"
      << "reported by: " << describe_user() << "\n";
  for (const auto& [name, found] : machine["found"].items()) {
    out << name << ": "
        << (found["usable"] == true ? "usable"
                                    : "not usable: " + found["reason"].get<std::string>())
        << "\n";
  }
  out << "user namespaces: " << describe_user_namespaces() << "\n"
      << "fusermount3: " << fusermount() << "\n";
}

/// The file system that a layer is on, as the mount table here has it.
std::string file_system_of(std::string_view mountinfo, const std::string& path) {
  const auto around = find_mount_around(mountinfo, path);
  return around ? around->type : "cannot be seen here";
}

void print_layers(std::ostream& out, std::string_view mountinfo, const Json& layers) {
  for (const Json& layer : layers) {
    const std::string path = layer.value("path", "");
    out << "  " << layer.value("role", "layer") << ": " << file_system_of(mountinfo, path)
        << ", below " << shortened_path(path)
        << (layer.value("write_protected", false) ? ", write-protected\n" : "\n");
  }
}

/// Everything in `status` that is a text, without paths.
void shorten(Json& status, std::span<const std::string> known) {
  for (Json& value : status) {
    if (value.is_structured()) shorten(value, known);
    if (value.is_string()) value = shortened(value.get<std::string>(), known);
  }
}

std::vector<std::string> paths_of(const std::string& mountpoint, const Json& status) {
  std::vector<std::string> paths = {mountpoint};
  if (const auto own = status.find("mountpoint"); own != status.end() && own->is_string()) {
    paths.push_back(own->get<std::string>());
  }
  if (!status.contains("layers")) return paths;
  for (const Json& layer : status["layers"]) paths.push_back(layer.value("path", ""));
  return paths;
}

void print_mount(std::ostream& out, std::string_view mountinfo, const std::string& mountpoint) {
  out << "\nmount below " << shortened_path(mountpoint) << ":\n";
  const auto text = read_status(mountpoint);
  if (!text) {
    out << "  no status: " << shortened(text.error().cause, std::span(&mountpoint, 1)) << "\n";
    return;
  }
  Json status = Json::parse(*text, nullptr, false);
  if (!status.is_object()) {
    out << "  served by another version of overpass\n";
    return;
  }
  const std::vector<std::string> known = paths_of(mountpoint, status);
  if (status.contains("layers")) print_layers(out, mountinfo, status["layers"]);
  for (const char* key : kLeftOut) status.erase(key);
  shorten(status, known);
  const auto summary =
      summarize_status(status.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::string_view rest = summary ? std::string_view(*summary) : std::string_view();
  while (!rest.empty()) {
    const std::string_view line = sys::cut_word(rest, '\n');
    out << (line.empty() ? "" : "  ") << line << "\n";
  }
}

}  // namespace

constexpr command_line::Command kReportCommand = {
    .name = "report",
    .synopsis = "overpass report [MOUNTPOINT|NAME]",
    .summary = "show what a report of a fault needs, without names of files",
    .description =
        "Versions, kernel, what this machine offers, and of each mount, or of one, the file\n"
        "systems of its layers, what is active and why not more. Paths are shortened.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Mounted,
    .help_call = "overpass help report",
};

int run_report(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() > 1) {
    return fail_with(context,
                     {"report takes one mountpoint", "without any, 'overpass report' shows all"},
                     kUsage);
  }
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) {
    return fail_with(context, {"/proc/self/mountinfo cannot be read", "mount /proc"});
  }
  std::vector<std::string> mounts;
  if (parsed.operands.empty()) {
    mounts = find_unions(*mountinfo);
  } else {
    const auto mountpoint = find_mount(context, parsed.operands.front());
    if (!mountpoint) return fail_with(context, mountpoint.error());
    mounts.push_back(*mountpoint);
  }
  print_machine(context.out);
  for (const std::string& mountpoint : mounts) print_mount(context.out, *mountinfo, mountpoint);
  if (mounts.empty()) context.out << "\nno union is mounted\n";
  return kSuccess;
}

}  // namespace overpass::cli
