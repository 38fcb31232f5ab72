// SPDX-License-Identifier: MIT
//
// A union without a mount: layers in a scratch directory, an Overlay over them, and in place of the
// kernel something that walks paths, opens backing files as the kernel does, and fails the test
// when an answer is one that the kernel would refuse, when an id in use is closed, or when a writer
// is given a lower's file.

#ifndef OVERPASS_TESTS_UNIT_OVERLAY_UNION_H_
#define OVERPASS_TESTS_UNIT_OVERLAY_UNION_H_

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../sys/scratch.h"
#include "kernel_model.h"
#include "overlay/freeze/freeze.h"
#include "overlay/open/open_directory.h"
#include "overlay/open/open_file.h"
#include "overlay/state/overlay.h"

namespace overpass::unit {

inline constexpr overlay::Caller kRoot = {.uid = 0, .gid = 0, .umask = 022};
/// The same on a thread that serves requests.
inline constexpr overlay::Caller kServedRoot = {
    .uid = 0, .gid = 0, .umask = 022, .may_wait = false};

/// Keeps a descriptor of each registered file. Threads: any.
class FakeBackings : public overlay::BackingFiles {
 public:
  explicit FakeBackings(bool is_available = true) : is_available_(is_available) {}

  bool is_available() const override { return is_available_; }
  Result<int32_t> open(BorrowedFd fd, overlay::BackingUse use) override;
  void close(int32_t id) override;

  /// A description of the file as the kernel opens it for a user.
  Result<UniqueFd> open_for_user(int32_t id, int flags);
  void released(int32_t id);

  /// From now on nothing can be registered.
  void refuse(int errno_value) { refusal_ = errno_value; }

  size_t registered() const;  ///< Ids that are registered now.
  size_t opened() const;      ///< Ids ever given out.

 private:
  struct Registered {
    UniqueFd file;
    overlay::BackingUse use = overlay::BackingUse::Read;
    int users = 0;
  };

  const bool is_available_;
  mutable std::mutex mutex_;
  std::map<int32_t, Registered> files_;
  int32_t last_ = 0;
  int refusal_ = 0;
};

class Union;

/// An open file as a user has it: reads and writes go where the kernel would send them.
class Handle {
 public:
  Handle(Union& owner, overlay::InodeRef node, overlay::Opened opened);
  Handle(Handle&&) noexcept = default;
  Handle& operator=(Handle&&) = delete;
  ~Handle();

  std::string read();
  void write(std::string_view text, off_t offset = 0);
  overlay::OpenFile& file() { return *file_; }
  const overlay::InodeRef& node() const { return node_; }
  bool is_passed_through() const { return file_->serving() == overlay::Serving::Passthrough; }

 private:
  Union* owner_;
  overlay::InodeRef node_;
  std::unique_ptr<overlay::OpenFile> file_;
  int32_t id_ = 0;
  UniqueFd backing_;
};

struct UnionOptions {
  size_t lowers = 1;
  bool upper = true;
  bool passthrough = true;
  bool cached_lower_io = false;
  bool read_only = false;
  bool acls = true;
  bool may_be_frozen = false;
  overlay::Owners owners = {};
  layer::StatOverride stat_override = layer::StatOverride::None;
  bool userxattr = false;
  layer::FormatChoice format = {};
  std::filesystem::path on = Scratch::suitable_parent();  ///< Where the layers are made.
};

/// What a listing showed, in order.
struct Shown {
  std::string name;
  uint64_t ino;
  unsigned char type;
  int64_t next_offset;
  overlay::InodeRef inode;
};

class Union {
 public:
  explicit Union(UnionOptions options = {});
  Union(const Union&) = delete;
  ~Union();

  /// lower1 (the topmost), lower2, ..., upper, work.
  Scratch disk;
  FakeBackings backings;

  /// Begins with the first use, when the layers have been filled; remount() begins anew
  /// and wants every InodeRef and Handle given back before.
  overlay::Overlay& overlay();
  void remount() { overlay_.reset(); }

  // All paths are of the union, without a slash in front; "" is its root.
  Result<overlay::Entry> look_up(const std::string& path);
  overlay::InodeRef at(const std::string& path) { return must(look_up(path)).inode; }
  sys::Stat stat(const std::string& path) { return must(look_up(path)).stat; }
  bool shows(const std::string& path);

  /// open(2): walks the path once more upon ESTALE.
  Result<Handle> try_open(const std::string& path, int flags);
  Handle open(const std::string& path, int flags) { return must(try_open(path, flags)); }
  /// What the kernel does with a node it knows; EIO where it would refuse the answer.
  Result<Handle> open_node(const overlay::InodeRef& node, int flags,
                           const overlay::Caller& caller = kRoot);

  std::string read(const std::string& path) { return open(path, O_RDONLY).read(); }
  /// Creates the file or overwrites its beginning.
  void write(const std::string& path, std::string_view text);
  int make_directory(const std::string& path, mode_t mode = 0755);
  int remove(const std::string& path);
  int remove_directory(const std::string& path);
  int rename(const std::string& from, const std::string& to, unsigned flags = 0);
  int link(const std::string& from, const std::string& to);
  int chmod(const std::string& path, mode_t mode);
  int truncate(const std::string& path, off_t size);

  /// Freezes the upper; the next one is "upper2", "upper3", ...
  Result<overlay::Frozen> freeze();

  /// All entries, read `at_a_time` at a time.
  std::vector<Shown> list(const std::string& path, bool with_attributes = true,
                          size_t at_a_time = 1000);
  /// Their names, sorted, without "." and "..".
  std::vector<std::string> names(const std::string& path, bool with_attributes = true);

  struct Split {
    std::string directory, name;
  };
  static Split split(const std::string& path);

 private:
  friend class Handle;

  layer::LayerPaths paths() const;

  const UnionOptions options_;
  std::vector<std::string> frozen_;  ///< Former uppers, the topmost last.
  std::string upper_ = "upper", work_ = "work";
  std::set<overlay::OpenFile*> open_;  ///< Guarded by kernel_mutex_.
  std::mutex kernel_mutex_;
  std::map<overlay::NodeId, KernelInode> kernel_;
  overlay::Unmounted mount_;
  std::unique_ptr<overlay::Overlay> overlay_;
};

/// Takes up to a number of entries at a time.
class Collector : public overlay::ListingSink {
 public:
  explicit Collector(size_t room) : room_(room) {}
  bool has_room(const char*) override { return entries.size() < room_; }
  void add(const overlay::Listed& entry) override {
    entries.push_back({entry.name, entry.ino, entry.type, entry.next_offset, entry.inode});
  }

  std::vector<Shown> entries;

 private:
  size_t room_;
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_OVERLAY_UNION_H_
