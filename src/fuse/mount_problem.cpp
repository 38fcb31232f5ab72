// SPDX-License-Identifier: MIT
//
// libfuse and fusermount3 tell causes as text only, so causes are known by words of that text, the
// more special ones first. What no row knows is told as it is, with no guess at a remedy.

#include "fuse/mount_problem.h"

#include <cerrno>
#include <cstring>

namespace overpass::fuse {

namespace {

struct Row {
  std::string_view words;
  std::string_view remedy;
};

constexpr std::string_view kSearchable =
    "every directory above it has to let this user search it (chmod +x)";

constexpr Row kRemedies[] = {
    {"user_allow_other", "put user_allow_other into /etc/fuse.conf, or leave the option out"},
    {"too many FUSE filesystems",
     "unmount others ('overpass status' lists those of overpass), or raise mount_max in "
     "/etc/fuse.conf"},
    {"not owned by user",
     "the directory is sticky: an ordinary user mounts on such a one only if it is his own"},
    {"no write access", "an ordinary user can mount only on directories with write permission"},
    {"mounting over filesystem type", "mount on a directory of another file system"},
    {"not a directory", "a union is mounted on a directory"},
    {"Not a directory", "a union is mounted on a directory"},
    {"/dev/fuse: Permission denied",
     "its mode is ordinarily 0666; ask the administrator, or mount as root"},
    {"Permission denied", kSearchable},
    {"No such file or directory", "create the directory first"},
    {"No such device", "load the fuse module (modprobe fuse)"},
    {"No space left", "unmount something, or raise /proc/sys/fs/mount-max"},
    {"resource busy", "unmount what is mounted there"},
    {"Cannot allocate memory", "free memory, and try again"},
};

/// Root may search every directory but those.
constexpr std::string_view kOfAnother =
    "it is in a FUSE mount of another user's, which lets no other in, root neither";

/// For a mount that the kernel refuses with EPERM.
constexpr std::string_view kNoRight =
    "this root may not mount here: give the container CAP_SYS_ADMIN, or enter a user and mount "
    "namespace (unshare -rm)";
constexpr std::string_view kNoRightOfHelper =
    "fusermount3 has to be set-user-ID root, and no_new_privs unset; or mount in a user namespace "
    "(unshare -rm)";

bool contains(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

std::string_view remedy_for(std::string_view cause, bool is_root) {
  if (is_root && contains(cause, std::strerror(EACCES))) return kOfAnother;
  for (const Row& row : kRemedies) {
    if (contains(cause, row.words)) return row.remedy;
  }
  if (contains(cause, std::strerror(EPERM))) return is_root ? kNoRight : kNoRightOfHelper;
  return "";
}

/// mount(2) refuses root's fusermount3 nothing for want of permission; a security module does.
bool is_refusal_of_apparmor(const FailedMount& failed, std::string_view reason) {
  return failed.profile.is_enabled && !failed.is_root &&
         contains(reason, "mount failed: Permission denied");
}

std::string remedy_for_profile(const HelperProfile& profile) {
  if (profile.path.empty()) {
    return "AppArmor is in use and may have refused it: see the kernel's log (journalctl -k), or "
           "mount as root";
  }
  std::string places;
  for (const std::string& place : profile.places) places += (places.empty() ? "" : ", ") + place;
  return "AppArmor's profile of fusermount3 " +
         (places.empty() ? "may not allow this place"
                         : "allows mounts below these alone: " + places) +
         "; mount there, or add a rule for it to /etc/apparmor.d/local/fusermount3, "
         "overpass-start(7)";
}

/// The last line in which fusermount3 gives a reason, without its name.
std::string_view reason_of_helper(std::string_view text) {
  constexpr std::string_view kName = "fusermount3: ";
  const size_t begin = text.rfind(kName);
  if (begin == std::string_view::npos) return {};
  const std::string_view line = text.substr(begin + kName.size());
  return line.substr(0, line.find('\n'));
}

/// The reason without the path, which stands before it.
std::string_view without_prefix(std::string_view complaint) {
  constexpr std::string_view kName = "fuse: ";
  if (complaint.starts_with(kName)) complaint.remove_prefix(kName.size());
  return complaint;
}

}  // namespace

Problem mountpoint_problem(const std::string& mountpoint, Errno error) {
  const std::string cause = "mountpoint '" + mountpoint + "': " + std::strerror(to_int(error));
  switch (to_int(error)) {
    case ENOENT:
      return {cause, "create the directory first"};
    case ENOTDIR:
      return {cause, "it has to be a directory"};
    case EACCES:
      return {cause, std::string(kSearchable)};
    case ELOOP:
      return {cause, "a symbolic link in it leads back to itself; name the real directory"};
    case ENAMETOOLONG:
      return {cause, "use a shorter path"};
    case ENOTCONN:
      return {cause,
              "a mount is left there, or above it, whose daemon is dead: 'overpass umount' "
              "clears it"};
    default:
      return {cause, ""};
  }
}

Problem explain(const FailedMount& failed) {
  const std::string where = "cannot mount at '" + failed.mountpoint + "'";
  if (contains(failed.complaint, "fusermount3") && contains(failed.complaint, "failed:")) {
    const bool is_absent = contains(failed.complaint, std::strerror(ENOENT));
    if (is_absent) {
      return {where + ": fusermount3 is not installed",
              "install it (package fuse3), or mount as root"};
    }
    return {where + ": fusermount3 cannot be run: " +
                failed.complaint.substr(failed.complaint.rfind(": ") + 2),
            "see who may run it (ls -l $(command -v fusermount3)), or mount as root"};
  }
  const std::string_view reason = reason_of_helper(failed.helper);
  const std::string cause(reason.empty() ? without_prefix(failed.complaint) : reason);
  if (contains(cause, std::strerror(ENOTCONN))) {
    return {where + ": a mount is left there whose daemon is dead",
            "add --recover, or overpass umount '" + failed.mountpoint +
                "'; auto_unmount does it the next time"};
  }
  if (is_refusal_of_apparmor(failed, reason)) {
    return {where + ": " + cause, remedy_for_profile(failed.profile)};
  }
  if (cause.empty()) return {where + ", for a reason that is not told", "-d shows each step"};
  return {where + ": " + cause, std::string(remedy_for(cause, failed.is_root))};
}

}  // namespace overpass::fuse
