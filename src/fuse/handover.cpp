// SPDX-License-Identifier: MIT
//
// CBOR, since paths may have any bytes. Fields are known by name: one that this program lacks, or
// that the other lacks, is found, and the mount stays with the other.

#include "fuse/handover.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "layer/add_lower.h"
#include "sys/file_io.h"
#include "sys/inheritance.h"
#include "sys/open.h"

namespace nlohmann {

template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& to, const std::optional<T>& from) {
    if (from) {
      to = *from;
    } else {
      to = nullptr;
    }
  }
  static void from_json(const json& from, std::optional<T>& to) {
    if (from.is_null()) {
      to.reset();
    } else {
      to = from.get<T>();
    }
  }
};

}  // namespace nlohmann

namespace overpass {

using nlohmann::json;

static void to_json(json& to, const UniqueFd& from) { to = raw(from); }
static void from_json(const json& from, UniqueFd& to) {
  to = UniqueFd(from.get<int>());
  if (to) sys::end_inheritance(to);
}

static void to_json(json& to, const IdMap& from) { to = from.text(); }
static void from_json(const json& from, IdMap& to) {
  to = IdMap::parse(from.get<std::string>()).value_or(IdMap());
}

namespace rules {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RuleText, text, where)
}  // namespace rules

namespace sys {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Heritage, flags, extended_flags, project, extent_size,
                                   copy_on_write_extent_size)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MountedAt, device, mount_id)
}  // namespace sys

namespace layer {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FormatChoice, redirect_dir, index, metacopy, verity, xino, uuid,
                                   nfs_export)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FormatSettings, follows_redirects, writes_redirects, index,
                                   follows_metacopy, writes_metacopy, verity, xino, short_numbers,
                                   uuid, nfs_export)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FormatReasons, redirect_dir, index, metacopy, xino, uuid,
                                   nfs_export)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LayerProperties, path, is_present, device, uuid, any_uuid,
                                   ambiguous_uuid, lasting_handles, stable_numbers, is_remote,
                                   write_protected, foreign_marks, was_upper, stat_override)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WriteOrder, in_memory, metadata, names_after_data)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(UpperFeatures, trusted_xattrs, user_xattrs, unnamed_files,
                                   rename_whiteout, rename_exchange, whiteouts, entry_types,
                                   reflinks, write_order)

static void to_json(json& to, const Layer& from) {
  to = static_cast<const LayerProperties&>(from);
  to["root"] = from.root;
}
static void from_json(const json& from, Layer& to) {
  from.get_to(static_cast<LayerProperties&>(to));
  from.at("root").get_to(to.root);
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HiddenPath, layer, path, beneath)

static void to_json(json& to, const Workdir& from) {
  const Workdir::Settled settled = from.settled();
  to = {{"features", settled.features},
        {"whiteout_form", settled.whiteout_form},
        {"prefix", settled.prefix},
        {"heritage", settled.heritage},
        {"fd", raw(from.fd())}};
}
static void from_json(const json& from, Workdir& to) {
  Workdir::Settled settled;
  from.at("features").get_to(settled.features);
  from.at("whiteout_form").get_to(settled.whiteout_form);
  from.at("prefix").get_to(settled.prefix);
  from.at("heritage").get_to(settled.heritage);
  UniqueFd work;
  from.at("fd").get_to(work);
  if (work) to = Workdir::adopt(std::move(work), settled);
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LayerStack, layers, first_data_only, hidden, workdir, index,
                                   prefix, format, format_reasons, has_stacked_layer, upper_lock,
                                   work_lock)

}  // namespace layer

namespace config {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RuleSource, rule, file)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Options, lower, data_only, upper, work, mountpoint,
                                   makes_directories, read_only, userxattr, is_volatile,
                                   durable_copies, verifies_copies, format, may_be_frozen,
                                   lower_changes, lower_io, cached_names, passthrough, broker,
                                   opens, writeback, io_uring, threads, busy_poll, max_idle_inodes,
                                   rules_log, rules, users, groups, squash_to_root, squash_to_uid,
                                   squash_to_gid, xattr_permissions, acl, xattrs, static_nlink,
                                   timeout, allow_other, auto_unmount, survives, suid, dev, exec,
                                   access_times, propagation, fsname, context, foreground, debug,
                                   ends_with_starter, shown_at, owns_upper, base_log, keeps_bases)
}  // namespace config

}  // namespace overpass

namespace overpass::fuse {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LifeNumber, lives, replacements, is_replacement, asked_by)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Handover, life, changes, lower, options, first_options, stack,
                                   generation, root_number, mount, connection, records, rule_log,
                                   guard, broker, may_register, registers_itself,
                                   passthrough_reason)

namespace {

/// A file that is larger is none of ours.
constexpr size_t kLongest = size_t{64} << 20;

std::unexpected<Problem> not_understood(const std::string& what) {
  return problem(
      "what the mount is made of is described as this program does not know it (" + what + ")",
      "it is of another version: unmount, and mount anew");
}

template <class T>
Result<UniqueFd> write_document(const T& value) {
  const std::vector<uint8_t> bytes = json::to_cbor(json(value));
  UniqueFd file = TRY(sys::open_in_memory());
  TRY(sys::write_text(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  return file;
}

template <class T>
Expected<T> read_document(BorrowedFd file) {
  const auto text = sys::read_content(file, kLongest);
  if (!text) return not_understood("it cannot be read");
  try {
    const json document = json::from_cbor(*text);
    auto value = document.get<T>();
    // Something that it has and this program does not know would be missing here.
    if (json(value) != document) return not_understood("it says more");
    return value;
  } catch (const json::exception& error) {
    return not_understood(error.what());
  }
}

}  // namespace

Result<UniqueFd> write_handover(const Handover& handover) {
  UniqueFd file = TRY(write_document(handover));
  TRY(sys::let_inherit(file));
  return file;
}

Expected<Handover> read_handover(BorrowedFd file) { return read_document<Handover>(file); }

Result<UniqueFd> write_options(const config::Options& options) { return write_document(options); }

Expected<config::Options> read_options(BorrowedFd file) {
  return read_document<config::Options>(file);
}

std::optional<std::string> describe_topmost_lower(const layer::LayerStack& stack) {
  const layer::LayerProperties& lower = stack.layers[layer::kUpper + 1];
  const json document = {{"layer", lower}, {"hidden", layer::hidden_in_topmost(stack)}};
  const std::vector<uint8_t> bytes = json::to_cbor(document);
  if (bytes.size() >= kLongestToKeeper) return {};
  return std::string(bytes.begin(), bytes.end());
}

bool put_described(layer::LayerStack& stack, std::string_view description, UniqueFd root) {
  try {
    const json document = json::from_cbor(description);
    layer::Layer lower;
    document.at("layer").get_to(static_cast<layer::LayerProperties&>(lower));
    lower.root = std::move(root);
    layer::put_on_top(stack, std::move(lower),
                      document.at("hidden").get<std::vector<std::string>>());
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

Expected<void> check_change(const config::Options& before, const config::Options& after) {
  constexpr std::array<std::string_view, 7> kMayChange = {
      "threads", "busy_poll", "max_idle_inodes", "timeout", "lower_changes", "rules", "debug"};
  const json old_fields = before;
  const json new_fields = after;
  for (const auto& [name, value] : old_fields.items()) {
    if (value == new_fields.at(name)) continue;
    if (std::ranges::find(kMayChange, name) != kMayChange.end()) continue;
    return problem("the option " + name + " cannot change while the union is mounted",
                   "threads, busy_poll, max_idle_inodes, timeout, lower_changes and rules can");
  }
  return {};
}

}  // namespace overpass::fuse
