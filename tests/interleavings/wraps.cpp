// SPDX-License-Identifier: MIT
//
// The switch points. The linker leads each call of the program under test to one of these functions
// (ld's --wrap, meson.build), which ask the scheduler first and then call the real one. So nothing
// in src/ knows of the scheduler, and what is tested is what ships.
//
// A small mutex has no function of its own. Its switch points are in the check of the lock order,
// which builds with assertions make before each ranked lock (base/mutex.h). What waits for it comes
// by futex(2).

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/lock_rank.h"
#include "real_calls.h"
#include "scheduler.h"

using overpass::LockRank;
using overpass::interleavings::Scheduler;
using overpass::interleavings::Touched;

namespace {

/// The number of an inode of the layers.
uint64_t number_of(const struct stat& stat) { return stat.st_ino << 16 | 1; }

uint64_t inode_of(int fd) {
  struct stat stat;
  // Not the wrapped one.
  const bool is_there = __real_syscall(SYS_fstat, fd, &stat) == 0;
  return is_there ? number_of(stat) : Touched::kNothing;
}

void touch_inode_at(Touched& touched, int fd, const char* name, bool is_change) {
  struct stat stat;
  if (*name == 0) return touched.add(inode_of(fd), is_change);
  if (__real_syscall(SYS_newfstatat, fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0) return;
  touched.add(number_of(stat), is_change);
  // It may be in /proc/self/fd.
  if (!S_ISLNK(stat.st_mode) || __real_syscall(SYS_newfstatat, fd, name, &stat, 0) != 0) return;
  touched.add(number_of(stat), is_change);
}

/// What a call does with an open file, or with a name in a directory.
enum class Use : uint8_t {
  Reads,
  Changes,  ///< The file, not the name.
  Names,    ///< Makes, removes or replaces the name.
};

struct Object {
  Use use;
  int fd;
  const char* name;
};

void touch(Touched& touched, const Object& object) {
  const char* name = object.name != nullptr ? object.name : "";
  const bool is_change = object.use != Use::Reads, names = object.use == Use::Names;
  // More names than one on the way, or none that is known here.
  if (std::strchr(name, '/') != nullptr) return touched.add_unknown(is_change);
  touch_inode_at(touched, object.fd, name, is_change);
  if (*name == 0) return;
  const uint64_t directory = inode_of(object.fd);
  touched.add(std::hash<std::string_view>()(name) ^ directory << 1, names);
  if (names) touched.add(directory, true);
}

void before(const char* what, std::initializer_list<Object> objects) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler == nullptr) return;
  scheduler->before_step(what, [&](Touched& touched) {
    for (const Object& object : objects) touch(touched, object);
  });
}

Object of_open(int fd, const char* name, uint64_t flags) {
  const Use use = (flags & O_CREAT) != 0   ? Use::Names
                  : (flags & O_TRUNC) != 0 ? Use::Changes
                                           : Use::Reads;
  return {use, fd, name};
}

Object of_ioctl(int fd, unsigned long request) {
  const bool is_change = request == FICLONE || request == FS_IOC_SETFLAGS;
  return {is_change ? Use::Changes : Use::Reads, fd, ""};
}

/// Takes a lock by `try_it`, which answers EBUSY while another thread has it.
template <class Lock, class Try>
int take(Scheduler& scheduler, const char* what, Lock* lock, bool is_exclusive, Try try_it) {
  scheduler.before_lock(what, lock, is_exclusive);
  while (true) {
    const int error = try_it(lock);
    if (error != EBUSY) return error;
    scheduler.wait_for_unlock(lock);
  }
}

}  // namespace

// NOLINTBEGIN: the names and parameters are those of the C library, the prefixes are the linker's.

#define OVERPASS_WRAP(type, name, parameters, arguments, ask) \
  extern "C" type __real_##name parameters;                   \
  extern "C" type __wrap_##name parameters;                   \
  extern "C" type __wrap_##name parameters {                  \
    constexpr const char* what = #name;                       \
    ask;                                                      \
    return __real_##name arguments;                           \
  }

OVERPASS_WRAP(int, statx, (int fd, const char* at, int flags, unsigned mask, void* to),
              (fd, at, flags, mask, to), before(what, {{Use::Reads, fd, at}}))
OVERPASS_WRAP(int, fstatat64, (int fd, const char* at, void* to, int flags), (fd, at, to, flags),
              before(what, {{Use::Reads, fd, at}}))
OVERPASS_WRAP(int, fstat64, (int fd, void* to), (fd, to), before(what, {{Use::Reads, fd, ""}}))
OVERPASS_WRAP(int, faccessat, (int fd, const char* at, int mode, int flags), (fd, at, mode, flags),
              before(what, {{Use::Reads, fd, at}}))
OVERPASS_WRAP(ssize_t, readlinkat, (int fd, const char* at, char* to, size_t size),
              (fd, at, to, size), before(what, {{Use::Reads, fd, at}}))
OVERPASS_WRAP(ssize_t, getxattr, (const char* path, const char* key, void* to, size_t size),
              (path, key, to, size), before(what, {{Use::Reads, AT_FDCWD, path}}))
OVERPASS_WRAP(ssize_t, lgetxattr, (const char* path, const char* key, void* to, size_t size),
              (path, key, to, size), before(what, {{Use::Reads, AT_FDCWD, path}}))
OVERPASS_WRAP(ssize_t, listxattr, (const char* path, char* to, size_t size), (path, to, size),
              before(what, {{Use::Reads, AT_FDCWD, path}}))
OVERPASS_WRAP(ssize_t, llistxattr, (const char* path, char* to, size_t size), (path, to, size),
              before(what, {{Use::Reads, AT_FDCWD, path}}))
OVERPASS_WRAP(ssize_t, pread64, (int fd, void* to, size_t size, off_t at), (fd, to, size, at),
              before(what, {{Use::Reads, fd, ""}}))
OVERPASS_WRAP(ssize_t, preadv64v2, (int fd, const iovec* to, int count, off_t at, int flags),
              (fd, to, count, at, flags), before(what, {{Use::Reads, fd, ""}}))
OVERPASS_WRAP(off_t, lseek64, (int fd, off_t at, int whence), (fd, at, whence),
              before(what, {{Use::Reads, fd, ""}}))
OVERPASS_WRAP(int, name_to_handle_at, (int fd, const char* at, void* to, int* mount, int flags),
              (fd, at, to, mount, flags), before(what, {{Use::Reads, fd, at}}))
OVERPASS_WRAP(int, open_by_handle_at, (int mount, void* handle, int flags), (mount, handle, flags),
              before(what, {{Use::Reads, AT_FDCWD, "/"}}))
OVERPASS_WRAP(int, mkdirat, (int fd, const char* at, mode_t mode), (fd, at, mode),
              before(what, {{Use::Names, fd, at}}))
OVERPASS_WRAP(int, mknodat, (int fd, const char* at, mode_t mode, dev_t device),
              (fd, at, mode, device), before(what, {{Use::Names, fd, at}}))
OVERPASS_WRAP(int, symlinkat, (const char* target, int fd, const char* at), (target, fd, at),
              before(what, {{Use::Names, fd, at}}))
OVERPASS_WRAP(int, linkat, (int from, const char* old, int to, const char* at, int flags),
              (from, old, to, at, flags),
              before(what, {{Use::Changes, from, old}, {Use::Names, to, at}}))
OVERPASS_WRAP(int, unlinkat, (int fd, const char* at, int flags), (fd, at, flags),
              before(what, {{Use::Names, fd, at}}))
OVERPASS_WRAP(int, setxattr,
              (const char* path, const char* key, const void* value, size_t size, int flags),
              (path, key, value, size, flags), before(what, {{Use::Changes, AT_FDCWD, path}}))
OVERPASS_WRAP(int, lsetxattr,
              (const char* path, const char* key, const void* value, size_t size, int flags),
              (path, key, value, size, flags), before(what, {{Use::Changes, AT_FDCWD, path}}))
OVERPASS_WRAP(int, removexattr, (const char* path, const char* key), (path, key),
              before(what, {{Use::Changes, AT_FDCWD, path}}))
OVERPASS_WRAP(int, lremovexattr, (const char* path, const char* key), (path, key),
              before(what, {{Use::Changes, AT_FDCWD, path}}))
OVERPASS_WRAP(int, chmod, (const char* path, mode_t mode), (path, mode),
              before(what, {{Use::Changes, AT_FDCWD, path}}))
OVERPASS_WRAP(int, fchmodat, (int fd, const char* at, mode_t mode, int flags),
              (fd, at, mode, flags), before(what, {{Use::Changes, fd, at}}))
OVERPASS_WRAP(int, fchownat, (int fd, const char* at, uid_t uid, gid_t gid, int flags),
              (fd, at, uid, gid, flags), before(what, {{Use::Changes, fd, at}}))
OVERPASS_WRAP(int, utimensat, (int fd, const char* at, const timespec* times, int flags),
              (fd, at, times, flags), before(what, {{Use::Changes, fd, at}}))
OVERPASS_WRAP(int, ftruncate64, (int fd, off_t size), (fd, size),
              before(what, {{Use::Changes, fd, ""}}))
OVERPASS_WRAP(int, fallocate64, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length),
              before(what, {{Use::Changes, fd, ""}}))
OVERPASS_WRAP(ssize_t, pwrite64, (int fd, const void* from, size_t size, off_t at),
              (fd, from, size, at), before(what, {{Use::Changes, fd, ""}}))
OVERPASS_WRAP(ssize_t, pwritev64v2, (int fd, const iovec* from, int count, off_t at, int flags),
              (fd, from, count, at, flags), before(what, {{Use::Changes, fd, ""}}))
OVERPASS_WRAP(ssize_t, copy_file_range,
              (int from, off_t* from_at, int to, off_t* to_at, size_t size, unsigned flags),
              (from, from_at, to, to_at, size, flags),
              before(what, {{Use::Changes, to, ""}, {Use::Reads, from, ""}}))
OVERPASS_WRAP(int, ioctl, (int fd, unsigned long request, void* argument), (fd, request, argument),
              before(what, {of_ioctl(fd, request)}))

#undef OVERPASS_WRAP

extern "C" {

int __real_openat64(int fd, const char* name, int flags, mode_t mode);
int __wrap_openat64(int fd, const char* name, int flags, mode_t mode);
int __wrap_openat64(int fd, const char* name, int flags, mode_t mode) {
  before("openat", {of_open(fd, name, static_cast<unsigned>(flags))});
  return __real_openat64(fd, name, flags, mode);
}

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

int __real_pthread_mutex_lock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler == nullptr) return __real_pthread_mutex_lock(mutex);
  return take(*scheduler, "mutex", mutex, true, ::pthread_mutex_trylock);
}

int __real_pthread_mutex_unlock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  const int error = __real_pthread_mutex_unlock(mutex);
  if (Scheduler* scheduler = Scheduler::of_this_thread()) scheduler->unlocked(mutex, true);
  return error;
}

int __real_pthread_rwlock_wrlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t* lock);
int __real_pthread_rwlock_trywrlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler == nullptr) return __real_pthread_rwlock_wrlock(lock);
  return take(*scheduler, "lock", lock, true, __real_pthread_rwlock_trywrlock);
}

int __wrap_pthread_rwlock_trywrlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_trywrlock(pthread_rwlock_t* lock) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler != nullptr) scheduler->before_lock("try_lock", lock, true);
  return __real_pthread_rwlock_trywrlock(lock);
}

int __real_pthread_rwlock_rdlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler == nullptr) return __real_pthread_rwlock_rdlock(lock);
  return take(*scheduler, "shared lock", lock, false, ::pthread_rwlock_tryrdlock);
}

int __real_pthread_rwlock_unlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t* lock);
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t* lock) {
  const int error = __real_pthread_rwlock_unlock(lock);
  if (Scheduler* scheduler = Scheduler::of_this_thread()) scheduler->unlocked(lock, true);
  return error;
}

// overpass::lock_check::taking() and dropped().
void __real__ZN8overpass10lock_check6takingENS_8LockRankEPKv(LockRank rank, const void* mutex);
void __wrap__ZN8overpass10lock_check6takingENS_8LockRankEPKv(LockRank rank, const void* mutex);
void __wrap__ZN8overpass10lock_check6takingENS_8LockRankEPKv(LockRank rank, const void* mutex) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  const bool is_small = rank == LockRank::Inode;
  if (scheduler != nullptr && is_small) scheduler->before_lock("inode", mutex, true);
  __real__ZN8overpass10lock_check6takingENS_8LockRankEPKv(rank, mutex);
}

void __real__ZN8overpass10lock_check7droppedENS_8LockRankEPKv(LockRank rank, const void* mutex);
void __wrap__ZN8overpass10lock_check7droppedENS_8LockRankEPKv(LockRank rank, const void* mutex);
void __wrap__ZN8overpass10lock_check7droppedENS_8LockRankEPKv(LockRank rank, const void* mutex) {
  __real__ZN8overpass10lock_check7droppedENS_8LockRankEPKv(rank, mutex);
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler != nullptr && rank == LockRank::Inode) scheduler->unlocked(mutex, true);
}

// std::__atomic_futex_unsigned_base::_M_futex_wait_until_steady(): waits for a std::future.
using Seconds = std::chrono::seconds;
using Nanoseconds = std::chrono::nanoseconds;
bool __real__ZNSt28__atomic_futex_unsigned_base26_M_futex_wait_until_steadyEPjjbNSt6chrono8durationIlSt5ratioILl1ELl1EEEENS2_IlS3_ILl1ELl1000000000EEEE(
    void* self, unsigned* value, unsigned from, bool has_end, Seconds s, Nanoseconds ns);
bool __wrap__ZNSt28__atomic_futex_unsigned_base26_M_futex_wait_until_steadyEPjjbNSt6chrono8durationIlSt5ratioILl1ELl1EEEENS2_IlS3_ILl1ELl1000000000EEEE(
    void* self, unsigned* value, unsigned from, bool has_end, Seconds s, Nanoseconds ns);
bool __wrap__ZNSt28__atomic_futex_unsigned_base26_M_futex_wait_until_steadyEPjjbNSt6chrono8durationIlSt5ratioILl1ELl1EEEENS2_IlS3_ILl1ELl1000000000EEEE(
    void* self, unsigned* value, unsigned from, bool has_end, Seconds s, Nanoseconds ns) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler == nullptr) {
    return __real__ZNSt28__atomic_futex_unsigned_base26_M_futex_wait_until_steadyEPjjbNSt6chrono8durationIlSt5ratioILl1ELl1EEEENS2_IlS3_ILl1ELl1000000000EEEE(
        self, value, from, has_end, s, ns);
  }
  scheduler->wait_for_change(value, from);
  return true;
}

}  // extern "C"

namespace {

struct NumberedCall {
  long number;
  const char* name;
  Use use;
};

// Calls on a descriptor and a name. Numbers beyond 450 are those of src/sys/call_numbers.h.
constexpr NumberedCall kNumberedCalls[] = {
    {SYS_statx, "statx", Use::Reads},  {SYS_faccessat2, "faccessat2", Use::Reads},
    {464, "getxattrat", Use::Reads},   {465, "listxattrat", Use::Reads},
    {468, "file_getattr", Use::Reads}, {452, "fchmodat2", Use::Changes},
    {463, "setxattrat", Use::Changes}, {466, "removexattrat", Use::Changes},
};

void before_numbered(long number, long a, long b, long c, long d) {
  const int fd = static_cast<int>(a);
  const auto name = reinterpret_cast<const char*>(b);
  switch (number) {
    case SYS_getdents64:
      return before("getdents64", {{Use::Reads, fd, ""}});
    case SYS_openat2:
      return before("openat2", {of_open(fd, name, reinterpret_cast<const open_how*>(c)->flags)});
    case SYS_mknodat:
      return before("mknodat", {{Use::Names, fd, name}});
    case SYS_renameat2:
      return before("renameat2",
                    {{Use::Names, fd, name},
                     {Use::Names, static_cast<int>(c), reinterpret_cast<const char*>(d)}});
    default:
      break;
  }
  for (const NumberedCall& call : kNumberedCalls) {
    if (call.number == number) before(call.name, {{call.use, fd, name}});
  }
}

}  // namespace

extern "C" long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  Scheduler* scheduler = Scheduler::of_this_thread();
  if (scheduler == nullptr) return __real_syscall(number, a, b, c, d, e, f);
  const bool waits = number == SYS_futex && (b & FUTEX_CMD_MASK) == FUTEX_WAIT;
  if (waits) {
    scheduler->wait_for_change(reinterpret_cast<const uint32_t*>(a), static_cast<uint32_t>(c));
    return 0;
  }
  before_numbered(number, a, b, c, d);
  return __real_syscall(number, a, b, c, d, e, f);
}

// NOLINTEND
