// SPDX-License-Identifier: MIT
//
// Reads the text of a /proc/PID/mountinfo (proc(5)). Each line is
//   ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE SUPER_OPTIONS
// with single blanks between. The kernel writes a blank, tab, newline or backslash inside a word as
// three octal digits, so what a user chose (mountpoint, source, subtype) stays one word.

#ifndef OVERPASS_SYS_MOUNTINFO_H_
#define OVERPASS_SYS_MOUNTINFO_H_

#include <optional>
#include <string>
#include <string_view>

namespace overpass::sys {

/// The words of one line, as they stand there: views into its text.
struct MountLine {
  std::string_view id;      ///< The mount's number, as mount_id_of() gives it.
  std::string_view device;  ///< "MAJOR:MINOR".
  std::string_view root;    ///< Which directory of the file system is mounted.
  std::string_view mountpoint;
  std::string_view options;
  std::string_view tags;  ///< "shared:7 master:3"; often empty.
  std::string_view type;
  std::string_view source;  ///< May be empty.
  std::string_view super_options;
};

/// Nothing when the text is not a whole line of a mount table.
std::optional<MountLine> read_mount_line(std::string_view line);

/// A word with its octal escapes replaced.
std::string without_escapes(std::string_view word);

/// Cuts what comes before the first `separator`, or all, off the beginning of `rest`.
std::string_view cut_word(std::string_view& rest, char separator);

/// Whether `is_sought` holds for a line of the table, read from the lowest mount on up to that
/// line. Lines of another form are left out.
template <class Predicate>
bool has_mount(std::string_view mountinfo, Predicate is_sought) {
  while (!mountinfo.empty()) {
    const auto line = read_mount_line(cut_word(mountinfo, '\n'));
    if (line && is_sought(*line)) return true;
  }
  return false;
}

/// Calls `visit` with each MountLine of a whole table, the lowest mount first.
template <class Visit>
void for_each_mount(std::string_view mountinfo, Visit visit) {
  (void)has_mount(mountinfo, [&visit](const MountLine& line) {
    visit(line);
    return false;
  });
}

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_MOUNTINFO_H_
