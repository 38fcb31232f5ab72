// SPDX-License-Identifier: MIT
//
// Paths are put together only for what is told.

#include "overlay/find/rule_events.h"

#include <string>

#include "overlay/find/ruling.h"
#include "overlay/find/union_path.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

using rules::Action;
using rules::Verdict;

bool is_wanted(Verdict verdict, int error, bool always) {
  if (error == kMustWait || error == ESTALE) return false;
  if (verdict.has(Action::Log) && always) return true;
  return error != 0 && verdict.refusals() != Verdict();
}

std::string path_of(Inode& inode) {
  std::string path;
  for (const std::string& name : names_to(inode)) path += "/" + name;
  return path.empty() ? "/" : path;
}

std::string path_of(const InodeRef& directory, const char* name) {
  const std::string above = path_of(*directory);
  return (above == "/" ? "" : above) + "/" + name;
}

RuleEvent event_of(const Caller& caller, const char* operation, std::string path, int error) {
  return {.operation = operation,
          .path = std::move(path),
          .uid = caller.uid,
          .gid = caller.gid,
          .thread = caller.thread,
          .error = error};
}

/// What applies to the name, whatever has it.
Verdict verdict_of_any(const Overlay& overlay, const Inode& directory, const char* name) {
  return verdict_of_name(overlay, directory, name, false)
      .with(verdict_of_name(overlay, directory, name, true));
}

}  // namespace

void tell_of(Overlay& overlay, const Caller& caller, const char* operation, Inode& inode, int error,
             bool always) {
  if (!overlay.settings.tells_of_rules) return;
  if (!is_wanted(Verdict(inode.ruled), error, always)) return;
  overlay.mount.tell(event_of(caller, operation, path_of(inode), error));
}

void tell_of_name(Overlay& overlay, const Caller& caller, const char* operation,
                  const InodeRef& directory, const char* name, bool is_directory, int error) {
  if (!overlay.settings.tells_of_rules) return;
  const Verdict verdict = verdict_of_name(overlay, *directory, name, is_directory);
  if (!is_wanted(verdict, error, true)) return;
  overlay.mount.tell(event_of(caller, operation, path_of(directory, name), error));
}

void tell_of_move(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                  const char* name, const InodeRef& new_directory, const char* new_name,
                  int error) {
  if (!overlay.settings.tells_of_rules) return;
  const Verdict verdict = verdict_of_any(overlay, *directory, name)
                              .with(verdict_of_any(overlay, *new_directory, new_name));
  const bool would_part =
      error == EXDEV && changes_rules_below(overlay, *directory, name, *new_directory, new_name);
  if (!would_part && !is_wanted(verdict, error, true)) return;
  RuleEvent event = event_of(caller, "rename", path_of(directory, name), error);
  event.new_path = path_of(new_directory, new_name);
  overlay.mount.tell(event);
}

}  // namespace overpass::overlay
