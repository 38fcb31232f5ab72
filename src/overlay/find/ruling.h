// SPDX-License-Identifier: MIT
//
// What the mount's rules say of names and inodes. An inode is judged once, when a name first leads
// to it, and keeps the verdict; names are judged before objects come to them. Without rules every
// answer is the empty verdict at once.

#ifndef OVERPASS_OVERLAY_FIND_RULING_H_
#define OVERPASS_OVERLAY_FIND_RULING_H_

#include <string_view>

#include "base/result.h"
#include "overlay/state/inode.h"
#include "rules/verdict.h"

namespace overpass::overlay {

struct Overlay;

/// What applies to an object of that name in `directory`, which may be no directory: nothing then.
rules::Verdict verdict_of_name(const Overlay& overlay, const Inode& directory,
                               std::string_view name, bool is_directory);

/// Tells the new inode, found as `name` in `directory`, its verdict and, if it is a directory, what
/// may apply below. Nothing else knows the inode yet.
void pass_on_rules(const Overlay& overlay, const Inode& directory, std::string_view name,
                   rules::Verdict verdict, Inode& inode);

/// `inode` has a further name, of which `verdict` is true: the stricter of its names counts.
void add_verdict(Inode& inode, rules::Verdict verdict);

/// EROFS for an inode that a rule protects.
Result<void> check_read_only_rule(const Overlay& overlay, const Inode& inode);

/// EACCES for an inode that a rule denies.
Result<void> check_deny_rule(const Overlay& overlay, const Inode& inode);

/// Whether a rule keeps its data from being passed through.
bool is_cached_by_rule(const Inode& inode);

/// May a new object get the name? EACCES if it would be hidden or denied, EROFS if it would be
/// protected.
Result<void> check_name_by_rules(const Overlay& overlay, const Inode& directory,
                                 std::string_view name, bool is_directory);

/// EROFS if a rule protects the object of that name.
Result<void> check_removal_by_rules(const Overlay& overlay, const Inode& directory,
                                    std::string_view name, bool is_directory);

/// May `inode` get a second name? As check_name_by_rules(), and EACCES if a rule that denies the
/// inode would not deny the new name.
Result<void> check_link_by_rules(const Overlay& overlay, const Inode& inode, const Inode& directory,
                                 std::string_view name);

/// Whether rules could say something else of what is below a directory if it had the new name.
bool changes_rules_below(const Overlay& overlay, const Inode& directory, std::string_view name,
                         const Inode& new_directory, std::string_view new_name);

/// May `inode`, which is `name` in `directory`, move? EROFS and EACCES as above, and EXDEV for a
/// directory if rules would say something else of it or could of anything below. mv(1) copies then,
/// and each copy is judged by its own name.
Result<void> check_move_by_rules(const Overlay& overlay, const Inode& inode, const Inode& directory,
                                 std::string_view name, const Inode& new_directory,
                                 std::string_view new_name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_RULING_H_
