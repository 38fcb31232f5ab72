// SPDX-License-Identifier: MIT
//
// The naive model: a tree in memory in which each operation is one step. It knows nothing of
// layers.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_NAIVE_UNION_H_
#define OVERPASS_TESTS_INTERLEAVINGS_NAIVE_UNION_H_

#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>

#include "operation.h"

namespace overpass::interleavings {

class NaiveUnion {
 public:
  NaiveUnion();

  void add_directory(const std::string& path);
  void add_file(const std::string& path, const std::string& content, size_t size = 0);
  void add_link(const std::string& path, const std::string& other);

  /// What a caller's walk has found, before the operation itself.
  struct Walked;

  /// The walk: the object, or the directories of names that are to be changed.
  Walked walk(const Operation& operation) const;
  /// The operation on what the walk has found, in one step. Its answer.
  std::string act(const Operation& operation, const Walked& walked);

  /// A line for each name.
  std::string tree() const;

 private:
  struct Node {
    mode_t mode;
    std::string content;  ///< Of a symbolic link its target.
    std::string attribute = {};
    uint32_t links = 1;
    bool is_dead = false;  ///< A directory that was removed.
    std::map<std::string, std::shared_ptr<Node>> names = {};
  };
  using NodePtr = std::shared_ptr<Node>;
  /// A name: its directory, and what it leads to, or null.
  struct Slot {
    NodePtr directory;
    std::string name;
    NodePtr node;

    void set(NodePtr to) const { directory->names[name] = std::move(to); }
    void clear() const { directory->names.erase(name); }
  };

  /// The object of a path; null and an error when there is none.
  NodePtr at(const std::string& path, std::string& error) const;
  static Slot slot_of(const NodePtr& directory, const std::string& path);
  static std::string look(const Operation& operation, const Node& node);
  static std::string change_node(const Operation& operation, Node& node);
  static std::string make_name(const Operation& operation, const Slot& slot);
  static std::string remove_name(const Operation& operation, const Slot& slot);
  static std::string rename(const Slot& from, const Slot& to, bool is_exchange);
  static std::string link(const NodePtr& node, const Slot& to);

  NodePtr root_;
};

struct NaiveUnion::Walked {
  std::string error;  ///< The answer, if the walk ends there.
  NodePtr node;       ///< The object; of a name to be changed its directory.
  NodePtr other;      ///< The directory of the other name.
};

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_NAIVE_UNION_H_
