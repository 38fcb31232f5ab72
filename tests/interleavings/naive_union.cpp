// SPDX-License-Identifier: MIT
//
// What the VFS and a file system do, on a tree in memory.

#include "naive_union.h"

#include <errno.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <vector>

namespace overpass::interleavings {

namespace {

constexpr char kDone[] = "done";

}  // namespace

NaiveUnion::NaiveUnion() : root_(std::make_shared<Node>(Node{S_IFDIR | 0755, ""})) {}

NaiveUnion::NodePtr NaiveUnion::at(const std::string& path, std::string& error) const {
  NodePtr node = root_;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (!S_ISDIR(node->mode)) {
      error = answer_of_error(ENOTDIR);
      return nullptr;
    }
    const auto found = node->names.find(path.substr(begin, end - begin));
    if (found == node->names.end()) {
      error = answer_of_error(ENOENT);
      return nullptr;
    }
    node = found->second;
    begin = end + 1;
  }
  return node;
}

void NaiveUnion::add_directory(const std::string& path) {
  std::string error;
  const SplitPath where = split(path);
  at(where.directory, error)->names[where.name] = std::make_shared<Node>(Node{S_IFDIR | 0755, ""});
}

void NaiveUnion::add_file(const std::string& path, const std::string& content, size_t size) {
  std::string error;
  const SplitPath where = split(path);
  const auto node = std::make_shared<Node>(Node{S_IFREG | 0644, content});
  node->content.resize(std::max(content.size(), size));
  at(where.directory, error)->names[where.name] = node;
}

void NaiveUnion::add_link(const std::string& path, const std::string& other) {
  std::string error;
  const SplitPath where = split(path);
  const NodePtr node = at(other, error);
  ++node->links;
  at(where.directory, error)->names[where.name] = node;
}

NaiveUnion::Slot NaiveUnion::slot_of(const NodePtr& directory, const std::string& path) {
  Slot slot = {directory, split(path).name, nullptr};
  const auto found = directory->names.find(slot.name);
  if (found != directory->names.end()) slot.node = found->second;
  return slot;
}

std::string NaiveUnion::look(const Operation& operation, const Node& node) {
  const auto size = static_cast<int64_t>(node.content.size());
  switch (operation.verb) {
    case Verb::Stat:
      return answer_of_stat(node.mode, size, node.links);
    case Verb::Read:
      return S_ISDIR(node.mode) ? answer_of_error(EISDIR) : answer_of_content(node.content);
    default:
      break;
  }
  if (!S_ISDIR(node.mode)) return answer_of_error(ENOTDIR);
  if (node.is_dead) return answer_of_error(ENOENT);
  std::vector<std::string> names;
  for (const auto& [name, child] : node.names) names.push_back(name);
  return answer_of_names(std::move(names));
}

std::string NaiveUnion::change_node(const Operation& operation, Node& node) {
  const std::string& argument = operation.argument;
  const bool is_directory = S_ISDIR(node.mode);
  switch (operation.verb) {
    case Verb::Chmod:
      node.mode = (node.mode & S_IFMT) | static_cast<mode_t>(std::stoul(argument, nullptr, 8));
      return kDone;
    case Verb::SetXattr:
      node.attribute = argument;
      return kDone;
    case Verb::Truncate:
      if (is_directory) return answer_of_error(EISDIR);
      node.content.resize(std::stoul(argument));
      return kDone;
    case Verb::Append:
      if (is_directory) return answer_of_error(EISDIR);
      node.content += argument;
      return kDone;
    default:
      if (is_directory) return answer_of_error(EISDIR);
      node.content.replace(0, argument.size(), argument);
      return kDone;
  }
}

std::string NaiveUnion::make_name(const Operation& operation, const Slot& slot) {
  if (slot.node) return answer_of_error(EEXIST);
  const mode_t mode = operation.verb == Verb::Create          ? S_IFREG | 0644
                      : operation.verb == Verb::MakeDirectory ? S_IFDIR | 0755
                                                              : S_IFLNK | 0777;
  slot.set(std::make_shared<Node>(Node{mode, operation.argument}));
  return kDone;
}

std::string NaiveUnion::remove_name(const Operation& operation, const Slot& slot) {
  if (!slot.node) return answer_of_error(ENOENT);
  const bool is_directory = S_ISDIR(slot.node->mode);
  if (operation.verb == Verb::Unlink) {
    if (is_directory) return answer_of_error(EISDIR);
    --slot.node->links;
  } else {
    if (!is_directory) return answer_of_error(ENOTDIR);
    if (!slot.node->names.empty()) return answer_of_error(ENOTEMPTY);
    slot.node->is_dead = true;
  }
  slot.clear();
  return kDone;
}

std::string NaiveUnion::rename(const Slot& from, const Slot& to, bool is_exchange) {
  if (!from.node) return answer_of_error(ENOENT);
  if (is_exchange) {
    if (!to.node) return answer_of_error(ENOENT);
    from.set(to.node);
    to.set(from.node);
    return kDone;
  }
  if (from.node == to.node) return kDone;
  const bool is_directory = S_ISDIR(from.node->mode);
  if (to.node) {
    if (is_directory && !S_ISDIR(to.node->mode)) return answer_of_error(ENOTDIR);
    if (!is_directory && S_ISDIR(to.node->mode)) return answer_of_error(EISDIR);
    if (!to.node->names.empty()) return answer_of_error(ENOTEMPTY);
    --to.node->links;
    to.node->is_dead = is_directory;
  }
  to.set(from.node);
  from.clear();
  return kDone;
}

std::string NaiveUnion::link(const NodePtr& node, const Slot& to) {
  if (to.node) return answer_of_error(EEXIST);
  if (S_ISDIR(node->mode)) return answer_of_error(EPERM);
  if (node->links == 0) return answer_of_error(ENOENT);
  ++node->links;
  to.set(node);
  return kDone;
}

NaiveUnion::Walked NaiveUnion::walk(const Operation& operation) const {
  Walked walked;
  const bool is_by_name = is_of_a_name(operation.verb);
  walked.node = at(is_by_name ? split(operation.path).directory : operation.path, walked.error);
  if (walked.error.empty() && has_other_name(operation.verb)) {
    walked.other = at(split(operation.argument).directory, walked.error);
  }
  return walked;
}

std::string NaiveUnion::act(const Operation& operation, const Walked& walked) {
  if (!walked.error.empty()) return walked.error;
  std::vector<NodePtr> directories;
  if (is_of_a_name(operation.verb)) directories.push_back(walked.node);
  if (walked.other) directories.push_back(walked.other);
  for (const NodePtr& directory : directories) {
    if (!S_ISDIR(directory->mode)) return answer_of_error(ENOTDIR);
    if (directory->is_dead) return answer_of_error(ENOENT);
  }
  switch (operation.verb) {
    case Verb::Create:
    case Verb::MakeDirectory:
    case Verb::Symlink:
      return make_name(operation, slot_of(walked.node, operation.path));
    case Verb::Unlink:
    case Verb::RemoveDirectory:
      return remove_name(operation, slot_of(walked.node, operation.path));
    case Verb::Link:
      return link(walked.node, slot_of(walked.other, operation.argument));
    case Verb::Rename:
    case Verb::Exchange:
      return rename(slot_of(walked.node, operation.path), slot_of(walked.other, operation.argument),
                    operation.verb == Verb::Exchange);
    case Verb::Lookup: {
      const Slot slot = slot_of(walked.node, operation.path);
      return slot.node ? kind_of(slot.node->mode) : answer_of_error(ENOENT);
    }
    case Verb::Chmod:
    case Verb::SetXattr:
    case Verb::Truncate:
    case Verb::Write:
    case Verb::Append:
      return change_node(operation, *walked.node);
    default:
      return look(operation, *walked.node);
  }
}

std::string NaiveUnion::tree() const {
  std::string text;
  const std::function<void(const std::string&, const Node&)> add = [&](const std::string& path,
                                                                       const Node& directory) {
    for (const auto& [name, node] : directory.names) {
      const std::string here = join(path, name);
      text += line_of(here, node->mode, node->links, node->attribute, node->content);
      if (S_ISDIR(node->mode)) add(here, *node);
    }
  };
  text += line_of(".", root_->mode, 1, root_->attribute, "");
  add("", *root_);
  return text;
}

}  // namespace overpass::interleavings
