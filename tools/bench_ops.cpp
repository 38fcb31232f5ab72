// SPDX-License-Identifier: MIT
//
// Times one kind of file operation below one directory: the driver behind tools/bench, usable by
// hand as well. `bench_ops OPERATION ROOT [--threads N] [--directories N] [--files N] [--min-ms N]
// [--pin]` prepares (untimed), prints "ready", waits for a line or the end of its input, works,
// and prints {"operations": N, "nanoseconds": N}.
//
// ROOT holds tree/dNNN/fNNN, made by the caller. Thread t of n works on every n-th directory, and
// creates names of its own in ROOT/wT only, so threads never work on the same directory. Files are
// named relative to a descriptor of ROOT/tree or ROOT/wT: the path walk is short and equal for all.
// An operation that uses its files up is one pass over all of them; the others are repeated for
// --min-ms after an untimed pass. Any failure ends the program: a wrong answer is no measurement.

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kFileBytes = 4096;
constexpr size_t kCreateBytes = 100;

struct Settings {
  std::string root;
  unsigned threads = 1;
  unsigned directories = 40;
  unsigned files = 100;
  std::chrono::milliseconds minimum{200};
  bool pin = false;
};

/// What one thread works on. Descriptors live as long as the program.
struct Worker {
  const Settings& settings;
  unsigned index;
  int tree = -1;                                                    ///< ROOT/tree
  int own = -1;                                                     ///< ROOT/wT
  std::vector<std::string> directories{}, files{}, absent{};        ///< Its share of the tree.
  std::vector<std::string> own_files{}, own_renamed{}, own_dirs{};  ///< Names for ROOT/wT.
  unsigned pass = 0;
  uint64_t operations = 0;
  Clock::time_point begin{}, end{};
};

[[noreturn]] void die(const char* what, const char* name) {
  (void)std::fprintf(stderr, "bench_ops: %s %s: %s\n", what, name, std::strerror(errno));
  std::exit(1);
}

int check(int result, const char* what, const char* name) {
  if (result < 0) die(what, name);
  return result;
}

int open_directory(int at, const char* name) {
  return check(openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", name);
}

/// `letter` and the number, with leading zeros so that all names are equally long.
std::string name_of(char letter, unsigned number, size_t digits) {
  const std::string text = std::to_string(number);
  return letter + std::string(digits - std::min(digits, text.size()), '0') + text;
}

/// Made before the clock starts: forming a name costs a third of a warm stat.
void make_names(Worker& worker) {
  const Settings& settings = worker.settings;
  for (unsigned d = worker.index; d < settings.directories; d += settings.threads) {
    worker.directories.push_back(name_of('d', d, 3));
    for (unsigned f = 0; f < settings.files; ++f) {
      worker.files.push_back(worker.directories.back() + '/' + name_of('f', f, 3));
      worker.absent.push_back(worker.directories.back() + '/' + name_of('n', f, 3));
    }
  }
  for (unsigned f = 0; f < worker.files.size(); ++f) {
    worker.own_files.push_back(name_of('f', f, 5));
    worker.own_renamed.push_back(name_of('r', f, 5));
    worker.own_dirs.push_back(name_of('s', f, 5));
  }
}

template <typename Visit>
void for_each(Worker& worker, const std::vector<std::string>& names, Visit visit) {
  for (const std::string& name : names) visit(name.c_str());
  worker.operations += names.size();
}

// One pass of each operation.

void stat_with(Worker& worker, int flags) {
  for_each(worker, worker.files, [&](const char* name) {
    struct stat status;
    check(fstatat(worker.tree, name, &status, AT_SYMLINK_NOFOLLOW | flags), "stat", name);
  });
}

void stat_files(Worker& worker) { stat_with(worker, 0); }

/// The kernel does not answer by itself, whatever it knows.
void stat_asking(Worker& worker) { stat_with(worker, AT_STATX_FORCE_SYNC); }

void stat_absent(Worker& worker) {
  for_each(worker, worker.absent, [&](const char* name) {
    struct stat status;
    if (fstatat(worker.tree, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) {
      die("stat of an absent name", name);
    }
  });
}

/// Lists one directory, `visit`ing each name but the dots; an operation is an entry.
template <typename Visit>
void list_directory(Worker& worker, const char* name, Visit visit) {
  DIR* directory = fdopendir(open_directory(worker.tree, name));
  if (directory == nullptr) die("open", name);
  unsigned entries = 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    visit(dirfd(directory), entry->d_name);
    ++entries;
  }
  closedir(directory);
  if (entries != worker.settings.files) {
    errno = EIO;
    die("wrong number of entries in", name);
  }
  worker.operations += entries;
}

void list_names(Worker& worker) {
  for (const std::string& name : worker.directories) {
    list_directory(worker, name.c_str(), [](int, const char*) {});
  }
}

void list_and_stat(Worker& worker) {
  for (const std::string& directory : worker.directories) {
    list_directory(worker, directory.c_str(), [](int at, const char* name) {
      struct stat status;
      check(fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW), "stat", name);
    });
  }
}

/// As chown -R does.
void chown_tree(Worker& worker) {
  constexpr uid_t kOther = 1;
  for (const std::string& directory : worker.directories) {
    list_directory(worker, directory.c_str(), [](int at, const char* name) {
      struct stat status;
      check(fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW), "stat", name);
      check(fchownat(at, name, kOther, kOther, AT_SYMLINK_NOFOLLOW), "chown", name);
    });
  }
}

void rename_directories(Worker& worker) {
  for_each(worker, worker.directories, [&](const char* name) {
    const std::string other = std::string(name) + 'r';
    check(renameat(worker.tree, name, worker.tree, other.c_str()), "rename", name);
  });
}

/// The first absent name of each directory.
void look_for_first(Worker& worker) {
  for_each(worker, worker.directories, [&](const char* directory) {
    struct stat status;
    const std::string name = std::string(directory) + "/first";
    if (fstatat(worker.tree, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) {
      die("stat of an absent name", name.c_str());
    }
  });
}

void open_and_close(Worker& worker) {
  for_each(worker, worker.files, [&](const char* name) {
    check(close(check(openat(worker.tree, name, O_RDONLY | O_CLOEXEC), "open", name)), "close",
          name);
  });
}

void open_read_close(Worker& worker) {
  for_each(worker, worker.files, [&](const char* name) {
    std::array<char, kFileBytes> buffer;
    const int fd = check(openat(worker.tree, name, O_RDONLY | O_CLOEXEC), "open", name);
    if (read(fd, buffer.data(), buffer.size()) != ssize_t{kFileBytes}) die("read", name);
    check(close(fd), "close", name);
  });
}

void open_map_close(Worker& worker) {
  for_each(worker, worker.files, [&](const char* name) {
    const int fd = check(openat(worker.tree, name, O_RDONLY | O_CLOEXEC), "open", name);
    void* map = mmap(nullptr, kFileBytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) die("mmap", name);
    (void)*static_cast<const volatile char*>(map);
    munmap(map, kFileBytes);
    check(close(fd), "close", name);
  });
}

void write_small(int fd, const char* name) {
  static constexpr std::array<char, kCreateBytes> kText{};
  if (write(fd, kText.data(), kText.size()) != ssize_t{kCreateBytes}) die("write", name);
  check(close(fd), "close", name);
}

void create_write_close(Worker& worker) {
  for_each(worker, worker.own_files, [&](const char* name) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    write_small(check(openat(worker.own, name, kFlags, 0644), "create", name), name);
  });
}

void append_files(Worker& worker) {
  for_each(worker, worker.files, [&](const char* name) {
    write_small(check(openat(worker.tree, name, O_WRONLY | O_APPEND | O_CLOEXEC), "open", name),
                name);
  });
}

void chmod_tree(Worker& worker) {
  for_each(worker, worker.files,
           [&](const char* name) { check(fchmodat(worker.tree, name, 0600, 0), "chmod", name); });
}

void chmod_own(Worker& worker) {
  const mode_t mode = worker.pass % 2 == 0 ? 0600 : 0644;
  for_each(worker, worker.own_files,
           [&](const char* name) { check(fchmodat(worker.own, name, mode, 0), "chmod", name); });
}

void rename_own(Worker& worker) {
  const bool back = worker.pass % 2 != 0;
  const auto& from = back ? worker.own_renamed : worker.own_files;
  const auto& to = back ? worker.own_files : worker.own_renamed;
  for (size_t i = 0; i < from.size(); ++i) {
    check(renameat(worker.own, from[i].c_str(), worker.own, to[i].c_str()), "rename",
          from[i].c_str());
  }
  worker.operations += from.size();
}

void make_directories(Worker& worker) {
  for_each(worker, worker.own_dirs,
           [&](const char* name) { check(mkdirat(worker.own, name, 0755), "mkdir", name); });
}

void remove_directories(Worker& worker) {
  for_each(worker, worker.own_dirs, [&](const char* name) {
    check(unlinkat(worker.own, name, AT_REMOVEDIR), "rmdir", name);
  });
}

template <typename Call>
void each_own(Worker& worker, const char* what, Call call) {
  for_each(worker, worker.own_files, [&](const char* name) { check(call(name), what, name); });
}

void truncate_own(Worker& worker) {
  each_own(worker, "open", [&](const char* name) {
    return close(check(openat(worker.own, name, O_WRONLY | O_TRUNC | O_CLOEXEC), "open", name));
  });
}

void chown_own(Worker& worker) {
  each_own(worker, "chown",
           [&](const char* name) { return fchownat(worker.own, name, geteuid(), getegid(), 0); });
}

std::string own_path(const Worker& worker, const char* name) {
  return "/proc/self/fd/" + std::to_string(worker.own) + '/' + name;
}

void set_attributes(Worker& worker) {
  each_own(worker, "setxattr", [&](const char* name) {
    return setxattr(own_path(worker, name).c_str(), "user.bench", "x", 1, 0);
  });
}

void get_attributes(Worker& worker) {
  each_own(worker, "getxattr", [&, value = char()](const char* name) mutable {
    return static_cast<int>(getxattr(own_path(worker, name).c_str(), "user.bench", &value, 1));
  });
}

void make_symbolic_links(Worker& worker) {
  each_own(worker, "symlink", [&](const char* name) { return symlinkat("x", worker.own, name); });
}

void read_symbolic_links(Worker& worker) {
  each_own(worker, "readlink", [&, target = char()](const char* name) mutable {
    return static_cast<int>(readlinkat(worker.own, name, &target, 1));
  });
}

void link_own(Worker& worker) {
  auto other = worker.own_renamed.begin();
  each_own(worker, "link", [&](const char* name) {
    return linkat(worker.own, name, worker.own, (other++)->c_str(), 0);
  });
}

void unlink_own(Worker& worker) {
  each_own(worker, "unlink", [&](const char* name) { return unlinkat(worker.own, name, 0); });
}

void unlink_tree(Worker& worker) {
  for_each(worker, worker.files,
           [&](const char* name) { check(unlinkat(worker.tree, name, 0), "unlink", name); });
}

struct Operation {
  std::string_view name;
  void (*prepare)(Worker&);  ///< Untimed, before everything else; null: nothing to do.
  void (*pass)(Worker&);
  bool repeats;      ///< After an untimed pass, again and again for --min-ms.
  bool makes_names;  ///< Needs ROOT/wT.
};

constexpr std::array kOperations{
    Operation{"stat-cold", nullptr, stat_files, false, false},
    Operation{"stat-warm", nullptr, stat_files, true, false},
    Operation{"absent-cold", nullptr, stat_absent, false, false},
    Operation{"absent-warm", nullptr, stat_absent, true, false},
    Operation{"absent-next", look_for_first, stat_absent, false, false},
    Operation{"readdir-cold", nullptr, list_names, false, false},
    Operation{"readdir-warm", nullptr, list_names, true, false},
    Operation{"walk-cold", nullptr, list_and_stat, false, false},
    Operation{"open-first", stat_files, open_and_close, false, false},
    Operation{"open-close", nullptr, open_and_close, true, false},
    Operation{"open-read-close", nullptr, open_read_close, true, false},
    Operation{"open-mmap-close", nullptr, open_map_close, true, false},
    Operation{"create-write-close", nullptr, create_write_close, false, true},
    Operation{"append-lower", stat_files, append_files, false, false},
    Operation{"chmod-upper", create_write_close, chmod_own, true, true},
    Operation{"chmod-lower", stat_files, chmod_tree, false, false},
    Operation{"chown-large", nullptr, chown_tree, false, false},
    Operation{"rename", create_write_close, rename_own, true, true},
    Operation{"rename-large", nullptr, rename_directories, false, false},
    Operation{"mkdir", nullptr, make_directories, false, true},
    Operation{"unlink-upper", create_write_close, unlink_own, false, true},
    Operation{"unlink-lower", stat_files, unlink_tree, false, false},
    Operation{"rmdir", make_directories, remove_directories, false, true},
    Operation{"stat-asking", nullptr, stat_asking, true, false},
    Operation{"open-truncate", create_write_close, truncate_own, true, true},
    Operation{"chown-upper", create_write_close, chown_own, true, true},
    Operation{"setxattr", create_write_close, set_attributes, true, true},
    Operation{"getxattr",
              [](Worker& worker) { create_write_close(worker), set_attributes(worker); },
              get_attributes, true, true},
    Operation{"readlink", make_symbolic_links, read_symbolic_links, false, true},
    Operation{"link", create_write_close, link_own, false, true},
};

void prepare(const Operation& operation, Worker& worker) {
  const int root = open_directory(AT_FDCWD, worker.settings.root.c_str());
  worker.tree = open_directory(root, "tree");
  if (operation.makes_names) {
    const std::string name = "w" + std::to_string(worker.index);
    check(mkdirat(root, name.c_str(), 0755), "mkdir", name.c_str());
    worker.own = open_directory(root, name.c_str());
  }
  check(close(root), "close", "root");
  make_names(worker);
  if (operation.prepare != nullptr) operation.prepare(worker);
  if (operation.repeats) {
    operation.pass(worker);
    ++worker.pass;
  }
  worker.operations = 0;
}

void pin_to_cpu(unsigned index) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(index % std::thread::hardware_concurrency(), &cpus);
  (void)pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
}

void work(const Operation& operation, Worker& worker, std::barrier<>& start) {
  if (worker.settings.pin) pin_to_cpu(worker.index);
  start.arrive_and_wait();
  worker.begin = Clock::now();
  const auto deadline = worker.begin + worker.settings.minimum;
  do {
    operation.pass(worker);
    ++worker.pass;
    worker.end = Clock::now();
  } while (operation.repeats && worker.end < deadline);
}

void run(const Operation& operation, const Settings& settings) {
  std::vector<Worker> workers;
  for (unsigned t = 0; t < settings.threads; ++t) {
    workers.push_back(Worker{.settings = settings, .index = t});
    prepare(operation, workers.back());
  }
  (void)std::puts("ready");
  (void)std::fflush(stdout);
  (void)std::getchar();

  std::barrier start{static_cast<std::ptrdiff_t>(settings.threads)};
  std::vector<std::jthread> threads;
  for (Worker& worker : workers) threads.emplace_back([&] { work(operation, worker, start); });
  threads.clear();

  uint64_t operations = 0;
  Clock::time_point begin = workers.front().begin;
  Clock::time_point end = workers.front().end;
  for (const Worker& worker : workers) {
    operations += worker.operations;
    begin = std::min(begin, worker.begin);
    end = std::max(end, worker.end);
  }
  const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
  (void)std::printf("{\"operations\": %llu, \"nanoseconds\": %lld}\n",
                    static_cast<unsigned long long>(operations), static_cast<long long>(elapsed));
}

[[noreturn]] void usage() {
  (void)std::fputs(
      "usage: bench_ops OPERATION ROOT [--threads N] [--directories N] [--files N]"
      " [--min-ms N] [--pin]\noperations:",
      stderr);
  for (const Operation& operation : kOperations) {
    (void)std::fprintf(stderr, " %s", operation.name.data());
  }
  (void)std::fputs("\n", stderr);
  std::exit(2);
}

unsigned number_of(const char* text) {
  char* rest = nullptr;
  const unsigned long value = std::strtoul(text, &rest, 10);
  if (rest == text || *rest != '\0' || value > 1'000'000) usage();
  return static_cast<unsigned>(value);
}

Settings parse_settings(int argc, char** argv) {
  Settings settings;
  settings.root = argv[2];
  for (int i = 3; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--pin") {
      settings.pin = true;
      continue;
    }
    if (++i == argc) usage();
    const unsigned value = number_of(argv[i]);
    if (option == "--threads" && value > 0)
      settings.threads = value;
    else if (option == "--directories")
      settings.directories = value;
    else if (option == "--files")
      settings.files = value;
    else if (option == "--min-ms")
      settings.minimum = std::chrono::milliseconds{value};
    else
      usage();
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) usage();
  const Settings settings = parse_settings(argc, argv);
  for (const Operation& operation : kOperations) {
    if (operation.name == argv[1]) {
      run(operation, settings);
      return 0;
    }
  }
  usage();
}
