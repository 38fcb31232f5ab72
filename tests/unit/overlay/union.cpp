// SPDX-License-Identifier: MIT
//
// Walks, opens and listings of the mountless union.

#include "union.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "layer/open_layers.h"
#include "overlay/change/change_attributes.h"
#include "overlay/change/create.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/find/attributes.h"
#include "overlay/find/lookup.h"
#include "overlay/open/file_io.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::unit {

using overlay::InodeRef;

Result<int32_t> FakeBackings::open(BorrowedFd fd, overlay::BackingUse use) {
  const std::lock_guard lock(mutex_);
  if (refusal_ != 0) return fail(refusal_);
  const int copy = ::fcntl(raw(fd), F_DUPFD_CLOEXEC, 0);
  EXPECT_GE(copy, 0) << "registered a descriptor that is not open";
  files_[++last_].file = UniqueFd(copy);
  files_[last_].use = use;
  return last_;
}

void FakeBackings::close(int32_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  if (found == files_.end()) {
    ADD_FAILURE() << "closed an id that is not registered";
    return;
  }
  EXPECT_EQ(found->second.users, 0) << "closed an id in use";
  files_.erase(found);
}

Result<UniqueFd> FakeBackings::open_for_user(int32_t id, int flags) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  if (found == files_.end()) return fail(EIO);
  const bool may_write = found->second.use == overlay::BackingUse::ReadAndWrite;
  if ((flags & O_ACCMODE) != O_RDONLY && !may_write) return fail(EROFS);
  auto opened = sys::reopen(found->second.file, flags & (O_ACCMODE | O_APPEND));
  if (opened) ++found->second.users;
  return opened;
}

void FakeBackings::released(int32_t id) {
  const std::lock_guard lock(mutex_);
  --files_.at(id).users;
}

size_t FakeBackings::registered() const {
  const std::lock_guard lock(mutex_);
  return files_.size();
}

size_t FakeBackings::opened() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(last_);
}

Handle::Handle(Union& owner, InodeRef node, overlay::Opened opened)
    : owner_(&owner), node_(std::move(node)), file_(std::move(opened.file)) {
  {
    const std::lock_guard lock(owner_->kernel_mutex_);
    owner_->open_.insert(file_.get());
  }
  if (opened.backing == nullptr) return;
  id_ = opened.backing->value();
  opened.backing.reset();  // From here on only the handle counts.
  // A writer whose backing is in a lower fails here: the clone of the lower is read-only.
  backing_ = must(owner_->backings.open_for_user(id_, file_->flags()));
}

Handle::~Handle() {
  if (file_ == nullptr) return;  // Moved from.
  backing_.reset();
  if (id_ != 0) owner_->backings.released(id_);
  {
    // The kernel counts down before it sends RELEASE.
    const std::lock_guard lock(owner_->kernel_mutex_);
    owner_->kernel_[node_->id].released();
    owner_->open_.erase(file_.get());
  }
  overlay::release_file(*owner_->overlay_, *file_);
}

namespace {

/// The outcome of a transfer, waited for. `start` gets what is to be called at its end.
template <class Start>
std::string transferred(Start start) {
  std::promise<Result<std::string>> outcome;
  start([&outcome](Result<std::span<char>> bytes) {
    if (bytes) {
      outcome.set_value(std::string(bytes->begin(), bytes->end()));
    } else {
      outcome.set_value(fail(bytes.error()));
    }
  });
  return must(outcome.get_future().get());
}

}  // namespace

std::string Handle::read() {
  if (!backing_.empty()) return content_of(backing_);
  return transferred([&](overlay::Transferred done) {
    overlay::read(*owner_->overlay_, *file_, 1 << 20, 0, file_->flags(), std::move(done));
  });
}

void Handle::write(std::string_view text, off_t offset) {
  if (!backing_.empty()) {
    EXPECT_EQ(must(sys::write_at(backing_, text, offset)), text.size());
    return;
  }
  std::string bytes(text);
  std::promise<Result<size_t>> outcome;
  overlay::write(*owner_->overlay_, {}, *file_, bytes, offset, file_->flags(),
                 overlay::WriteKind::Plain,
                 [&outcome](Result<size_t> written) { outcome.set_value(written); });
  EXPECT_EQ(must(outcome.get_future().get()), text.size());
}

Union::Union(UnionOptions options)
    : disk(options.on), backings(options.passthrough), options_(std::move(options)) {
  // As the daemon does before it starts a thread.
  sys::trim_capabilities();
  for (size_t i = 1; i <= options_.lowers; ++i) (void)disk.directory("lower" + std::to_string(i));
  for (const char* name : {"upper", "work", "mountpoint"}) (void)disk.directory(name);
}

Union::~Union() {
  overlay_.reset();
  EXPECT_EQ(backings.registered(), 0U) << "ids that were not closed";
}

layer::LayerPaths Union::paths() const {
  layer::LayerPaths paths;
  for (auto name = frozen_.rbegin(); name != frozen_.rend(); ++name) {
    paths.lower.push_back(disk.path(*name));
  }
  for (size_t i = 1; i <= options_.lowers; ++i) {
    paths.lower.push_back(disk.path("lower" + std::to_string(i)));
  }
  if (options_.upper) {
    paths.upper = disk.path(upper_);
    paths.work = disk.path(work_);
  }
  paths.mountpoint = disk.path("mountpoint");
  paths.userxattr = options_.userxattr;
  paths.format = options_.format;
  paths.stat_override = options_.stat_override;
  return paths;
}

Result<overlay::Frozen> Union::freeze() {
  overlay::Overlay& all = overlay();
  const std::string number = std::to_string(frozen_.size() + 2);
  layer::LayerPaths next = paths();
  next.lower = {disk.path(upper_)};
  next.upper = disk.directory("upper" + number);
  next.work = disk.directory("work" + number);
  auto frozen = overlay::freeze(all, TRY(overlay::open_new_upper(all, next)));
  if (!frozen) return frozen;
  overlay::Frozen counts{.inodes = frozen->inodes, .kept = frozen->kept, .torn = frozen->torn};
  overlay::settle(all, std::move(*frozen));
  const std::lock_guard lock(kernel_mutex_);
  for (overlay::OpenFile* file : open_) file->follow_freeze();
  frozen_.push_back(upper_);
  upper_ = "upper" + number;
  work_ = "work" + number;
  return counts;
}

overlay::Overlay& Union::overlay() {
  if (overlay_ != nullptr) return *overlay_;
  layer::LayerStack stack = must(layer::open_layers(paths()));
  const overlay::Settings settings = {.read_only = options_.read_only,
                                      .is_volatile = true,
                                      .cached_lower_io = options_.cached_lower_io,
                                      .acls = options_.acls,
                                      .owners = options_.owners,
                                      .may_be_frozen = options_.may_be_frozen};
  overlay_ = std::make_unique<overlay::Overlay>(std::move(stack), settings, mount_, backings);
  kernel_.clear();
  return *overlay_;
}

Result<overlay::Entry> Union::look_up(const std::string& path) {
  overlay::Overlay& all = overlay();
  overlay::Entry at = TRY(overlay::entry_of(all, InodeRef::share(all.table.root())));
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    at = TRY(overlay::lookup(all, at.inode, path.substr(begin, end - begin).c_str()));
    begin = end + 1;
  }
  return at;
}

bool Union::shows(const std::string& path) {
  auto entry = look_up(path);
  if (!entry && !entry.failed_with(ENOENT)) must(std::move(entry));
  return entry.has_value();
}

Union::Split Union::split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<Handle> Union::open_node(const InodeRef& node, int flags, const overlay::Caller& caller) {
  auto opened = TRY(overlay::open_file(overlay(), caller, node, flags));
  std::optional<int32_t> id;
  if (opened.backing != nullptr) id = opened.backing->value();
  {
    const std::lock_guard lock(kernel_mutex_);
    KernelInode& inode = kernel_[node->id];
    EXPECT_TRUE(inode.accepts(id)) << "the kernel would refuse this answer";
    inode.opened(id);
  }
  return Handle(*this, node, std::move(opened));
}

Result<Handle> Union::try_open(const std::string& path, int flags) {
  auto handle = open_node(TRY(look_up(path)).inode, flags);
  if (!handle.failed_with(ESTALE)) return handle;
  return open_node(TRY(look_up(path)).inode, flags);
}

void Union::write(const std::string& path, std::string_view text) {
  if (shows(path)) return open(path, O_WRONLY).write(text);
  const Split where = split(path);
  auto created = must(overlay::create_file(overlay(), kRoot, at(where.directory),
                                           where.name.c_str(), O_WRONLY, 0644));
  const InodeRef node = created.entry.inode;
  {
    const std::lock_guard lock(kernel_mutex_);
    std::optional<int32_t> id;
    if (created.opened.backing != nullptr) id = created.opened.backing->value();
    kernel_[node->id].opened(id);
  }
  Handle(*this, node, std::move(created.opened)).write(text);
}

int Union::make_directory(const std::string& path, mode_t mode) {
  const Split where = split(path);
  return error_of(
      overlay::make_directory(overlay(), kRoot, at(where.directory), where.name.c_str(), mode));
}

int Union::remove(const std::string& path) {
  const Split where = split(path);
  return error_of(overlay::remove_file(overlay(), kRoot, at(where.directory), where.name.c_str()));
}

int Union::remove_directory(const std::string& path) {
  const Split where = split(path);
  return error_of(
      overlay::remove_directory(overlay(), kRoot, at(where.directory), where.name.c_str()));
}

int Union::rename(const std::string& from, const std::string& to, unsigned flags) {
  const Split source = split(from), target = split(to);
  const InodeRef from_directory = at(source.directory), to_directory = at(target.directory);
  return error_of(overlay::rename(overlay(), kRoot, {from_directory, source.name.c_str()},
                                  {to_directory, target.name.c_str()}, flags));
}

int Union::link(const std::string& from, const std::string& to) {
  const Split target = split(to);
  return error_of(
      overlay::make_link(overlay(), kRoot, at(from), at(target.directory), target.name.c_str()));
}

int Union::chmod(const std::string& path, mode_t mode) {
  overlay::Changes changes;
  changes.mode = mode;
  return error_of(overlay::change_attributes(overlay(), kRoot, at(path), changes, nullptr));
}

int Union::truncate(const std::string& path, off_t size) {
  overlay::Changes changes;
  changes.size = size;
  return error_of(overlay::change_attributes(overlay(), kRoot, at(path), changes, nullptr));
}

std::vector<Shown> Union::list(const std::string& path, bool with_attributes, size_t at_a_time) {
  overlay::OpenDirectory directory(at(path));
  std::vector<Shown> all;
  while (true) {
    Collector collector(at_a_time);
    const int64_t offset = all.empty() ? 0 : all.back().next_offset;
    must(directory.read(overlay(), offset, with_attributes, collector));
    if (collector.entries.empty()) return all;
    all.insert(all.end(), collector.entries.begin(), collector.entries.end());
  }
}

std::vector<std::string> Union::names(const std::string& path, bool with_attributes) {
  std::vector<std::string> result;
  for (const Shown& entry : list(path, with_attributes)) {
    if (entry.name != "." && entry.name != "..") result.push_back(entry.name);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace overpass::unit
