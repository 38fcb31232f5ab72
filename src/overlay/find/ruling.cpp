// SPDX-License-Identifier: MIT
//
// Every refusal is counted here, and nowhere else.

#include "overlay/find/ruling.h"

#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

using rules::Action;
using rules::Verdict;

std::unexpected<Errno> refuse(const Overlay& overlay, int error) {
  overlay.refused_by_rules.fetch_add(1, std::memory_order_relaxed);
  return fail(error);
}

Verdict verdict_of(const Inode& inode) { return Verdict(inode.ruled); }

/// Whether an object may come to a name of that verdict.
Result<void> check_arrival(const Overlay& overlay, Verdict verdict) {
  if (verdict.has(Action::Hide) || verdict.has(Action::Deny)) return refuse(overlay, EACCES);
  if (verdict.has(Action::ReadOnly)) return refuse(overlay, EROFS);
  return {};
}

}  // namespace

Verdict verdict_of_name(const Overlay& overlay, const Inode& directory, std::string_view name,
                        bool is_directory) {
  const rules::Table& rules = overlay.settings.rules;
  if (rules.is_empty() || !directory.is_directory()) return {};
  return rules.judge(verdict_of(directory), directory.directory->rules_below, name, is_directory);
}

void pass_on_rules(const Overlay& overlay, const Inode& directory, std::string_view name,
                   Verdict verdict, Inode& inode) {
  const rules::Table& rules = overlay.settings.rules;
  if (rules.is_empty()) return;
  inode.ruled = verdict.bits();
  if (!inode.is_directory()) return;
  inode.directory->rules_below = rules.enter(directory.directory->rules_below, name);
}

void add_verdict(Inode& inode, Verdict verdict) {
  if (verdict != Verdict()) inode.ruled |= verdict.bits();
}

Result<void> check_read_only_rule(const Overlay& overlay, const Inode& inode) {
  return verdict_of(inode).has(Action::ReadOnly) ? refuse(overlay, EROFS) : Result<void>();
}

Result<void> check_deny_rule(const Overlay& overlay, const Inode& inode) {
  return verdict_of(inode).has(Action::Deny) ? refuse(overlay, EACCES) : Result<void>();
}

bool is_cached_by_rule(const Inode& inode) { return verdict_of(inode).has(Action::Cached); }

Result<void> check_name_by_rules(const Overlay& overlay, const Inode& directory,
                                 std::string_view name, bool is_directory) {
  return check_arrival(overlay, verdict_of_name(overlay, directory, name, is_directory));
}

Result<void> check_removal_by_rules(const Overlay& overlay, const Inode& directory,
                                    std::string_view name, bool is_directory) {
  const Verdict verdict = verdict_of_name(overlay, directory, name, is_directory);
  return verdict.has(Action::ReadOnly) ? refuse(overlay, EROFS) : Result<void>();
}

Result<void> check_link_by_rules(const Overlay& overlay, const Inode& inode, const Inode& directory,
                                 std::string_view name) {
  if (overlay.settings.rules.is_empty()) return {};
  TRY(check_name_by_rules(overlay, directory, name, inode.is_directory()));
  return check_deny_rule(overlay, inode);
}

bool changes_rules_below(const Overlay& overlay, const Inode& directory, std::string_view name,
                         const Inode& new_directory, std::string_view new_name) {
  if (!directory.is_directory() || !new_directory.is_directory()) return false;
  const rules::Table& rules = overlay.settings.rules;
  return !rules::are_equal(rules.enter(directory.directory->rules_below, name),
                           rules.enter(new_directory.directory->rules_below, new_name));
}

Result<void> check_move_by_rules(const Overlay& overlay, const Inode& inode, const Inode& directory,
                                 std::string_view name, const Inode& new_directory,
                                 std::string_view new_name) {
  if (overlay.settings.rules.is_empty() || !new_directory.is_directory()) return {};
  TRY(check_read_only_rule(overlay, inode));
  const bool is_directory = inode.is_directory();
  const Verdict before = verdict_of(inode);
  const Verdict after = verdict_of_name(overlay, new_directory, new_name, is_directory);
  if (after.refusals() != before.refusals()) {
    TRY(check_arrival(overlay, after));
    return refuse(overlay, EACCES);  // It is denied, and would no longer be.
  }
  if (!is_directory) return {};
  const bool is_same_below =
      !changes_rules_below(overlay, directory, name, new_directory, new_name);
  if (after == before && is_same_below) return {};
  return refuse(overlay, EXDEV);
}

}  // namespace overpass::overlay
