// SPDX-License-Identifier: MIT
//
// unshare(2), setns(2), /proc/PID/uid_map.

#include "sys/namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "sys/errno_result.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

Result<void> write_text(const std::string& path, std::string_view text) {
  const UniqueFd file = TRY(open_path(path.c_str(), O_WRONLY));
  // The kernel takes a map by one write only.
  const auto written = TRY(checked(::write(raw(file), text.data(), text.size())));
  if (static_cast<size_t>(written) != text.size()) return fail(EIO);
  return {};
}

/// The first word of `line`, which may be indented.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return cut_word(line, ' ');
}

/// "INSIDE OUTSIDE COUNT" of each line becomes "INSIDE INSIDE COUNT".
Result<std::string> identity_of(const char* path) {
  const std::string text = TRY(read_file(path));
  std::string map;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = cut_word(rest, '\n');
    const std::string inside(next_word(line));
    (void)next_word(line);
    map.append(inside).append(" ").append(inside).append(" ").append(next_word(line)).append("\n");
  }
  return map;
}

}  // namespace

Result<void> unshare(int flags) { return checked_void(::unshare(flags)); }

Result<void> enter_namespaces(BorrowedFd process, int flags) {
  return checked_void(::setns(raw(process), flags));
}

bool shares_namespaces(pid_t thread) {
  for (const char* kind : {"mnt", "user"}) {
    const std::string own = std::string("self/ns/") + kind;
    const std::string other = std::to_string(thread) + "/ns/" + kind;
    const auto own_link = read_link({proc(), own.c_str()});
    const auto other_link = read_link({proc(), other.c_str()});
    if (!own_link || !other_link || *own_link != *other_link) return false;
  }
  return true;
}

Result<IdMaps> identity_maps() {
  IdMaps maps;
  maps.users = TRY(identity_of("/proc/self/uid_map"));
  maps.groups = TRY(identity_of("/proc/self/gid_map"));
  return maps;
}

IdMaps map_of_one(uid_t inside_user, uid_t user, gid_t inside_group, gid_t group) {
  const auto line = [](auto inside, auto outside) {
    return std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
  };
  return {line(inside_user, user), line(inside_group, group)};
}

Result<void> write_id_maps(pid_t process, const IdMaps& maps, bool deny_groups) {
  const std::string directory = "/proc/" + std::to_string(process) + "/";
  if (deny_groups) TRY(write_text(directory + "setgroups", "deny"));
  TRY(write_text(directory + "uid_map", maps.users));
  return write_text(directory + "gid_map", maps.groups);
}

Result<void> bring_up_loopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.empty()) return fail(errno);
  ifreq request = {};
  (void)std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  TRY(checked_void(::ioctl(raw(socket), SIOCGIFFLAGS, &request)));
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return checked_void(::ioctl(raw(socket), SIOCSIFFLAGS, &request));
}

bool end_with_parent(pid_t parent, int signal) {
  (void)::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
  return ::getppid() == parent;
}

}  // namespace overpass::sys
