// SPDX-License-Identifier: MIT
//
// Each operation as fs/namei.c and its like in the kernel make it of requests.

#include "tried_union.h"

#include <stdio.h>

#include <filesystem>
#include <functional>
#include <numeric>

#include "overlay/change/change_attributes.h"
#include "overlay/change/create.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/change/xattr.h"
#include "overlay/find/attributes.h"
#include "overlay/find/lookup.h"
#include "overlay/open/file_io.h"
#include "scheduler.h"
#include "sys/file_io.h"

namespace overpass::interleavings {

namespace {

using overlay::Caller;
using overlay::Entry;
using overlay::InodeRef;
using unit::must;

constexpr char kDone[] = "done";

template <class T>
Result<std::string> done(const Result<T>& result) {
  if (!result) return fail(result.error());
  return std::string(kDone);
}

/// What the operation answers to a request: on a thread that serves it, and on another one if it
/// must wait (answer() in src/fuse/handle.h).
template <class Work>
auto served(Work work) {
  auto answer = work(unit::kServedRoot);
  return answer.failed_with(overlay::kMustWait) ? work(unit::kRoot) : std::move(answer);
}

unit::UnionOptions in_memory(unit::UnionOptions options) {
  options.on = "/dev/shm";
  return options;
}

void fill(const unit::Scratch& disk, const std::string& layer,
          const std::vector<std::string>& directories, const std::vector<Tree::File>& files) {
  for (const std::string& path : directories) {
    unit::checked(::mkdir(disk.path(layer + path).c_str(), 0755), path);
  }
  for (const Tree::File& file : files) {
    const std::string path = disk.path(layer + file.path);
    if (!file.link_of.empty()) {
      unit::checked(::link(disk.path(layer + file.link_of).c_str(), path.c_str()), path);
      continue;
    }
    const UniqueFd fd = disk.open(layer + file.path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    must(sys::write_at(fd, file.content, 0));
    if (file.size != 0) unit::checked(::ftruncate(raw(fd), file.size), file.path);
  }
}

/// The attributes of a file of the upper. Of the origin only that there is one: it holds a number
/// that is another one each time.
std::string marks_of(const std::string& path) {
  char names[1024];
  const ssize_t length = ::llistxattr(path.c_str(), names, sizeof names);
  std::string marks;
  for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
    const std::string name = names + at;
    char value[512];
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value, sizeof value);
    marks += name + '=';
    if (!name.ends_with(".origin") && size > 0) marks.append(value, static_cast<size_t>(size));
    marks += ' ';
  }
  return marks;
}

}  // namespace

NaiveUnion model_of(const Tree& tree) {
  NaiveUnion model;
  const auto add = [&](const std::vector<std::string>& directories,
                       const std::vector<Tree::File>& files) {
    for (const std::string& path : directories) model.add_directory(path);
    for (const Tree::File& file : files) {
      if (file.link_of.empty()) {
        model.add_file(file.path, file.content, static_cast<size_t>(file.size));
      } else {
        model.add_link(file.path, file.link_of);
      }
    }
  };
  add(tree.lower_directories, tree.lower_files);
  add(tree.upper_directories, tree.upper_files);
  return model;
}

TriedUnion::TriedUnion(const Tree& tree, const unit::UnionOptions& options, bool has_vfs_locks)
    : tree_(tree), union_(in_memory(options)), vfs_(has_vfs_locks) {
  union_.overlay();
}

int TriedUnion::begin_run() {
  ++run_;
  const std::string name = "run" + std::to_string(run_) + '/';
  // In the upper as well, so that an operation need not copy it up.
  for (const std::string layer : {"lower1/", "upper/"}) {
    unit::checked(::mkdir(union_.disk.path(layer + name).c_str(), 0755), name);
  }
  fill(union_.disk, "lower1/" + name, tree_.lower_directories, tree_.lower_files);
  fill(union_.disk, "upper/" + name, tree_.upper_directories, tree_.upper_files);
  return run_;
}

std::string TriedUnion::full(const std::string& path) const {
  const std::string root = "run" + std::to_string(run_);
  return join(root, path);
}

void TriedUnion::end_run() {
  held_.clear();
  vfs_.clear();
}

std::string TriedUnion::perform(const Operation& operation) {
  Held held;
  auto answer = try_once(operation, held);
  // The VFS walks once more (retry_estale() in the kernel).
  if (answer.failed_with(ESTALE)) answer = try_once(operation, held);
  const Quietly quietly;
  const std::lock_guard lock(held_mutex_);
  held_.push_back(std::move(held));
  return answer ? *answer : answer_of_error(to_int(answer.error()));
}

Result<InodeRef> TriedUnion::walk(const std::string& path, Held& held) {
  const Quietly quietly;
  held.push_back(TRY(union_.look_up(full(path))).inode);
  return held.back();
}

Result<void> TriedUnion::lock_for_names(const InodeRef& directory, VfsLocks& locks) {
  if (!directory->is_directory()) return fail(ENOTDIR);
  vfs_.lock(directory, locks);
  return vfs_.is_dead(directory) ? Result<void>(fail(ENOENT)) : Result<void>();
}

Result<TriedUnion::Slot> TriedUnion::find(const InodeRef& directory, const std::string& path,
                                          Held& held) {
  const Quietly quietly;
  Slot slot = {directory, split(path).name};
  auto entry = overlay::lookup(union_.overlay(), directory, slot.name.c_str());
  if (entry.failed_with(ENOENT)) return slot;
  slot.inode = TRY(std::move(entry)).inode;
  held.push_back(slot.inode);
  return slot;
}

Result<std::string> TriedUnion::try_once(const Operation& operation, Held& held) {
  const bool is_of_name = is_of_a_name(operation.verb);
  const InodeRef node =
      TRY(walk(is_of_name ? split(operation.path).directory : operation.path, held));
  InodeRef other;
  if (has_other_name(operation.verb)) {
    other = TRY(walk(split(operation.argument).directory, held));
  }
  switch (operation.verb) {
    case Verb::Lookup:
      return look_up(operation.path, node, held);
    case Verb::Create:
    case Verb::MakeDirectory:
    case Verb::Symlink:
      return make_name(operation, node, held);
    case Verb::Unlink:
    case Verb::RemoveDirectory:
      return remove_name(operation, node, held);
    case Verb::Link:
      return link(operation, node, other, held);
    case Verb::Rename:
    case Verb::Exchange:
      return rename(operation, node, other, held);
    case Verb::Chmod:
    case Verb::Truncate:
    case Verb::SetXattr:
      return change_node(operation, node);
    case Verb::Stat:
      return stat(node);
    case Verb::List:
      return answer_of_names(TRY(names(node, held)));
    case Verb::Read:
      return answer_of_content(TRY(content(node)));
    default:
      return done(write(operation, node));
  }
}

Result<std::string> TriedUnion::look_up(const std::string& path, const InodeRef& directory,
                                        Held& held) {
  VfsLocks locks;
  if (!directory->is_directory()) return fail(ENOTDIR);
  vfs_.lock_shared(directory, locks);
  if (vfs_.is_dead(directory)) return fail(ENOENT);
  Entry entry = TRY(overlay::lookup(union_.overlay(), directory, split(path).name.c_str()));
  held.push_back(std::move(entry.inode));
  return kind_of(entry.stat.stx_mode);
}

Result<std::string> TriedUnion::make_name(const Operation& operation, const InodeRef& directory,
                                          Held& held) {
  VfsLocks locks;
  TRY(lock_for_names(directory, locks));
  const Slot slot = TRY(find(directory, operation.path, held));
  if (slot.inode) return fail(EEXIST);
  overlay::Overlay& all = union_.overlay();
  const char* name = slot.name.c_str();
  if (operation.verb == Verb::MakeDirectory) {
    return done(served([&](const Caller& caller) {
      return overlay::make_directory(all, caller, directory, name, 0755);
    }));
  }
  if (operation.verb == Verb::Symlink) {
    return done(served([&](const Caller& caller) {
      return overlay::make_symlink(all, caller, directory, name, operation.argument.c_str());
    }));
  }
  auto made =
      TRY(overlay::create_file(all, unit::kServedRoot, directory, name, O_WRONLY | O_EXCL, 0644));
  made.opened.backing.reset();
  overlay::release_file(all, *made.opened.file);
  return std::string(kDone);
}

Result<std::string> TriedUnion::remove_name(const Operation& operation, const InodeRef& directory,
                                            Held& held) {
  VfsLocks locks;
  TRY(lock_for_names(directory, locks));
  const Slot slot = TRY(find(directory, operation.path, held));
  if (!slot.inode) return fail(ENOENT);
  vfs_.lock(slot.inode, locks);
  const char* name = slot.name.c_str();
  if (operation.verb == Verb::Unlink) {
    if (slot.inode->is_directory()) return fail(EISDIR);
    return done(served([&](const Caller& caller) {
      return overlay::remove_file(union_.overlay(), caller, directory, name);
    }));
  }
  if (!slot.inode->is_directory()) return fail(ENOTDIR);
  TRY(served([&](const Caller& caller) {
    return overlay::remove_directory(union_.overlay(), caller, directory, name);
  }));
  vfs_.set_dead(slot.inode);
  return std::string(kDone);
}

Result<std::string> TriedUnion::rename(const Operation& operation, const InodeRef& from,
                                       const InodeRef& to, Held& held) {
  VfsLocks locks;
  const bool is_across = from.get() != to.get();
  const bool to_is_above =
      std::ranges::count(operation.argument, '/') < std::ranges::count(operation.path, '/');
  if (is_across) vfs_.lock_renames(locks);
  TRY(lock_for_names(to_is_above ? to : from, locks));
  if (is_across) TRY(lock_for_names(to_is_above ? from : to, locks));
  const Slot source = TRY(find(from, operation.path, held));
  const Slot target = TRY(find(to, operation.argument, held));
  const bool is_exchange = operation.verb == Verb::Exchange;
  if (!source.inode || (is_exchange && !target.inode)) return fail(ENOENT);
  if (source.inode.get() == target.inode.get()) return std::string(kDone);
  // vfs_rename() in the kernel.
  if (!source.inode->is_directory() || is_across) vfs_.lock(source.inode, locks);
  const bool replaces_directory = target.inode && target.inode->is_directory() && !is_exchange;
  if (target.inode && (!target.inode->is_directory() || is_across || replaces_directory)) {
    vfs_.lock(target.inode, locks);
  }
  TRY(served([&](const Caller& caller) {
    return overlay::rename(union_.overlay(), caller, {from, source.name.c_str()},
                           {to, target.name.c_str()}, is_exchange ? RENAME_EXCHANGE : 0);
  }));
  if (replaces_directory) vfs_.set_dead(target.inode);
  return std::string(kDone);
}

Result<std::string> TriedUnion::link(const Operation& operation, const InodeRef& node,
                                     const InodeRef& to, Held& held) {
  VfsLocks locks;
  TRY(lock_for_names(to, locks));
  const Slot slot = TRY(find(to, operation.argument, held));
  if (slot.inode) return fail(EEXIST);
  if (node->is_directory()) return fail(EPERM);
  vfs_.lock(node, locks);
  return done(served([&](const Caller& caller) {
    return overlay::make_link(union_.overlay(), caller, node, to, slot.name.c_str());
  }));
}

Result<std::string> TriedUnion::change_node(const Operation& operation, const InodeRef& node) {
  VfsLocks locks;
  vfs_.lock(node, locks);
  overlay::Overlay& all = union_.overlay();
  const std::string& argument = operation.argument;
  if (operation.verb == Verb::SetXattr) {
    return done(served([&](const Caller& caller) {
      return overlay::set_xattr(all, caller, node, kAttribute, argument, 0);
    }));
  }
  overlay::Changes changes;
  if (operation.verb == Verb::Chmod) {
    changes.mode = static_cast<mode_t>(std::stoul(argument, nullptr, 8));
  } else {
    if (node->is_directory()) return fail(EISDIR);
    changes.size = std::stol(argument);
  }
  return done(served([&](const Caller& caller) {
    return overlay::change_attributes(all, caller, node, changes, nullptr);
  }));
}

Result<std::string> TriedUnion::stat(const InodeRef& node) {
  const sys::Stat stat = TRY(overlay::attributes(union_.overlay(), node));
  return answer_of_stat(stat.stx_mode, static_cast<int64_t>(stat.stx_size), stat.stx_nlink);
}

Result<std::string> TriedUnion::content(const InodeRef& node) {
  if (node->is_directory()) return fail(EISDIR);
  unit::Handle handle =
      TRY(served([&](const Caller& caller) { return union_.open_node(node, O_RDONLY, caller); }));
  const Quietly quietly;
  if (handle.is_passed_through()) return handle.read();
  const overlay::SharedFd content = TRY(handle.file().content(union_.overlay()));
  return unit::content_of(content->fd);
}

Result<void> TriedUnion::write(const Operation& operation, const InodeRef& node) {
  if (node->is_directory()) return fail(EISDIR);
  const int flags = operation.verb == Verb::Append ? O_WRONLY | O_APPEND : O_WRONLY;
  unit::Handle handle =
      TRY(served([&](const Caller& caller) { return union_.open_node(node, flags, caller); }));
  if (handle.is_passed_through()) {
    const Quietly quietly;
    handle.write(operation.argument);
    return {};
  }
  VfsLocks locks;
  vfs_.lock(node, locks);
  handle.write(operation.argument);
  return {};
}

Result<std::vector<std::string>> TriedUnion::names(const InodeRef& node, Held& held) {
  VfsLocks locks;
  if (!node->is_directory()) return fail(ENOTDIR);
  vfs_.lock_shared(node, locks);
  if (vfs_.is_dead(node)) return fail(ENOENT);
  overlay::OpenDirectory directory(node);
  std::vector<std::string> names;
  int64_t offset = 0;
  while (true) {
    unit::Collector collector(/*room=*/100);
    TRY(directory.read(union_.overlay(), offset, /*with_attributes=*/true, collector));
    if (collector.entries.empty()) return names;
    offset = collector.entries.back().next_offset;
    for (unit::Shown& shown : collector.entries) {
      if (shown.name != "." && shown.name != "..") names.push_back(shown.name);
      if (shown.inode) held.push_back(std::move(shown.inode));
    }
  }
}

void TriedUnion::add_tree(const std::string& path, const Entry& entry, std::string& text) {
  overlay::Overlay& all = union_.overlay();
  const uint32_t mode = entry.stat.stx_mode;
  std::string text_of_file, value(64, '\0');
  if (S_ISREG(mode)) text_of_file = must(content(entry.inode));
  if (S_ISLNK(mode)) text_of_file = must(overlay::read_link(all, entry.inode));
  auto length = overlay::get_xattr(all, entry.inode, kAttribute, value);
  value.resize(length ? *length : 0);
  text += line_of(path.empty() ? "." : path, mode, entry.stat.stx_nlink, value, text_of_file);
  if (!S_ISDIR(mode)) return;
  Held held;
  auto names_here = must(names(entry.inode, held));
  std::ranges::sort(names_here);
  for (const std::string& name : names_here) {
    add_tree(join(path, name), must(overlay::lookup(all, entry.inode, name.c_str())), text);
  }
}

std::string TriedUnion::tree_of(int run) {
  std::string text;
  add_tree("", must(union_.look_up("run" + std::to_string(run))), text);
  return text;
}

std::string TriedUnion::upper() const {
  const std::string layer = "upper/" + full("");
  const std::string root = union_.disk.path(layer);
  std::vector<std::string> lines = {marks_of(root)};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = entry.path().string().substr(root.size());
    const struct stat stat = union_.disk.stat(layer + path);
    std::string content;
    if (S_ISREG(stat.st_mode)) content = unit::content_of(union_.disk.open(layer + path));
    const bool is_whiteout = S_ISCHR(stat.st_mode);
    const auto links = is_whiteout ? 1 : static_cast<uint32_t>(stat.st_nlink);
    lines.push_back(line_of(path, stat.st_mode, links, marks_of(entry.path()), content));
  }
  std::ranges::sort(lines);
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

std::vector<std::string> TriedUnion::leftovers() const {
  std::vector<std::string> names = union_.disk.names("work/work");
  std::erase(names, "whiteout");  // The one that all whiteouts are links of.
  return names;
}

void TriedUnion::remount() {
  end_run();
  union_.remount();
}

}  // namespace overpass::interleavings
