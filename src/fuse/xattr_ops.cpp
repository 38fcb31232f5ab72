// SPDX-License-Identifier: MIT
//
// GETXATTR, LISTXATTR, SETXATTR, REMOVEXATTR.

#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/number.h"
#include "fuse/control.h"
#include "fuse/handle.h"
#include "fuse/operations.h"
#include "fuse/removal_report.h"
#include "fuse/replacement.h"
#include "fuse/status.h"
#include "fuse/trace_report.h"
#include "overlay/change/sent_again.h"
#include "overlay/change/xattr.h"

namespace overpass::fuse {

namespace {

/// What follows `prefix` in the name; nothing for other names.
std::optional<std::string_view> asked_behind(std::string_view prefix, fuse_ino_t node,
                                             std::string_view name) {
  if (node != FUSE_ROOT_ID || !name.starts_with(prefix)) return std::nullopt;
  return name.substr(prefix.size());
}

/// Answers the command that the next daemon may have to answer.
template <class ReplyType>
void answer_replacement(fuse_req_t request, ReplyType reply, ToKeeper what,
                        std::string_view value) {
  Daemon& daemon = daemon_of(request);
  if (!daemon.replacement) return reply.fail(Errno{EOPNOTSUPP});
  const overlay::Caller caller = caller_of(request);
  if (!may_control(daemon, caller)) return reply.fail(Errno{EPERM});
  auto send = [reply = std::move(reply)](Result<void> done) mutable {
    if (!done) return reply.fail(done.error());
    if constexpr (std::is_same_v<ReplyType, XattrReply>) {
      reply.send(std::string());
    } else {
      reply.send();
    }
  };
  daemon.replacement->ask(caller, what, value, std::move(send));
}

/// A command that is read has an empty answer.
void answer_control(fuse_req_t request, size_t size, std::string_view text) {
  Daemon& daemon = daemon_of(request);
  const ControlText asked = read_control_text(text);
  if (const auto what = replacing_command(asked.name)) {
    return answer_replacement(request, XattrReply(request, size), *what, asked.value);
  }
  answer(XattrReply(request, size), caller_of(request),
         [&daemon, text = std::string(text)](const overlay::Caller& caller) -> Result<std::string> {
           const ControlText command = read_control_text(text);
           TRY(control(daemon, caller, ControlWay::Read, command.name, command.value));
           return std::string();
         });
}

/// Paths are for those who may see all of them.
Result<std::string> removals(Daemon& daemon, uid_t asker, uint64_t number) {
  if (!may_see_all(asker)) return fail(EPERM);
  return text_of(TRY(report_removals(daemon.overlay, number)));
}

Result<std::string> trace(Daemon& daemon, uid_t asker, std::string_view question) {
  if (!may_see_all(asker)) return fail(EPERM);
  auto report = trace_report(daemon, question);
  return report ? Result<std::string>(std::move(*report)) : fail(ENODATA);
}

/// The text of an attribute by which the daemon tells of itself; nothing for other attributes.
std::optional<Result<std::string>> told(Daemon& daemon, fuse_req_t request, fuse_ino_t node,
                                        std::string_view name) {
  if (node != FUSE_ROOT_ID) return std::nullopt;
  const uid_t asker = fuse_req_ctx(request)->uid;
  if (name == kStatusXattr) return status(daemon, asker);
  if (const auto question = asked_behind(kTraceXattr, node, name)) {
    return trace(daemon, asker, *question);
  }
  const auto from = asked_behind(kRemovalsXattr, node, name);
  const auto number = from ? number_of<uint64_t>(*from) : std::nullopt;
  return number ? std::optional(removals(daemon, asker, *number)) : std::nullopt;
}

void on_getxattr(fuse_req_t request, fuse_ino_t node, const char* name, size_t size) {
  Daemon& daemon = arrived(request, Opcode::Getxattr, node);
  if (const auto text = asked_behind(kControlXattr, node, name)) {
    return answer_control(request, size, *text);
  }
  answer_now(XattrReply(request, size), [&]() -> Result<XattrValue> {
    if (auto text = told(daemon, request, node, name)) return XattrValue(TRY(std::move(*text)));
    XattrValue value(size);
    value.length = TRY(overlay::get_xattr(daemon.overlay, TRY(inode_at(daemon, node)), name,
                                          std::span(value.bytes)));
    return value;
  });
}

void on_listxattr(fuse_req_t request, fuse_ino_t node, size_t size) {
  Daemon& daemon = arrived(request, Opcode::Listxattr, node);
  answer_now(XattrReply(request, size), [&]() -> Result<std::string> {
    return overlay::list_xattrs(daemon.overlay, caller_of(request), TRY(inode_at(daemon, node)));
  });
}

void on_setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
                 size_t size, int flags) {
  Daemon& daemon = arrived(request, Opcode::Setxattr, node);
  if (const auto command = asked_behind(kControlXattr, node, name)) {
    const std::string_view text(value, size);
    if (const auto what = replacing_command(*command)) {
      return answer_replacement(request, EmptyReply(request), *what, text);
    }
    return answer(EmptyReply(request), caller_of(request),
                  [&daemon, command = std::string(*command),
                   value = std::string(value, size)](const overlay::Caller& caller) {
                    return control(daemon, caller, ControlWay::Set, command, value);
                  });
  }
  answer(EmptyReply(request), caller_of(request),
         [&daemon, node, flags, name = std::string(name),
          value = std::string(value, size)](const overlay::Caller& caller) -> Result<void> {
           const overlay::InodeRef inode = TRY(inode_at(daemon, node));
           auto set = overlay::set_xattr(daemon.overlay, caller, inode, name.c_str(), value, flags);
           const bool is_there =
               set.failed_with(EEXIST) &&
               overlay::set_before(daemon.overlay, caller, inode, name.c_str(), value);
           return is_there ? Result<void>() : set;
         });
}

void on_removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
  Daemon& daemon = arrived(request, Opcode::Removexattr, node);
  answer(EmptyReply(request), caller_of(request),
         [&daemon, node, name = std::string(name)](const overlay::Caller& caller) -> Result<void> {
           auto removed = overlay::remove_xattr(daemon.overlay, caller, TRY(inode_at(daemon, node)),
                                                name.c_str());
           const bool was_removed = caller.is_sent_again && removed.failed_with(ENODATA);
           return was_removed ? Result<void>() : removed;
         });
}

}  // namespace

void add_xattr_operations(fuse_lowlevel_ops& table) {
  table.getxattr = guarded<on_getxattr>;
  table.listxattr = guarded<on_listxattr>;
  table.setxattr = guarded<on_setxattr>;
  table.removexattr = guarded<on_removexattr>;
}

}  // namespace overpass::fuse
