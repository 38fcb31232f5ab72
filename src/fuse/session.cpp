// SPDX-License-Identifier: MIT
//
// libfuse says what went wrong on its log only, so its log is kept until the mount is up.

#include "fuse/session.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/scope_exit.h"
#include "fuse/daemon.h"
#include "fuse/detach.h"
#include "fuse/end_watch.h"
#include "fuse/life.h"
#include "fuse/mount_problem.h"
#include "fuse/operations.h"
#include "fuse/propagation.h"
#include "fuse/request_origin.h"
#include "fuse/request_shape.h"
#include "fuse/serving_threads.h"
#include "fuse/take_over.h"
#include "fuse/write_back.h"
#include "sys/children.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/inheritance.h"
#include "sys/mount_api.h"
#include "sys/mount_users.h"
#include "sys/process.h"
#include "sys/program.h"
#include "sys/read_ahead.h"

namespace overpass::fuse {

namespace {

/// The last thing libfuse complained of before the mount was up.
std::string last_complaint;
bool is_up = false;

[[gnu::format(printf, 2, 0)]] void take_log(fuse_log_level level, const char* format,
                                            va_list arguments) {
  char line[512];
  (void)std::vsnprintf(line, sizeof line, format, arguments);
  line[std::strcspn(line, "\n")] = '\0';
  if (!is_up && level <= FUSE_LOG_WARNING) last_complaint = line;
  if (level <= FUSE_LOG_ERR && is_up) {
    log::error("%s", line);
  } else {
    log::debug("%s", line);
  }
}

/// Whether owners, modes and kinds of files come from attributes that each file's owner can write,
/// in a mount by the machine's root. Set-id programs and devices must then have no effect.
bool are_forgeable(const config::Options& options) {
  return options.xattr_permissions == layer::StatOverride::User &&
         sys::is_privileged_in_initial_namespace();
}

/// A read of the daemon is as large as what the kernel reads ahead. From 128 KiB, which a mount
/// begins with, to 512 the time of large reads falls by a quarter, and rises again beyond.
constexpr unsigned kReadAheadKib = 512;

/// The mount options in libfuse's spelling.
std::string mount_options(const config::Options& options, bool is_root, bool read_only) {
  // Commas in a name would end the option.
  std::string source = options.fsname.value_or("overpass");
  std::string result = "default_permissions,subtype=overpass,io_uring";
  for (size_t comma = 0; (comma = source.find_first_of(",\\", comma)) != std::string::npos;
       comma += 2) {
    source.insert(comma, "\\");
  }
  result += ",fsname=" + source;
  if (options.allow_other.value_or(is_root)) result += ",allow_other";
  if (read_only) result += ",ro";
  // Set-id programs and device nodes are the superuser's to allow.
  const bool forgeable = are_forgeable(options);
  if (is_root) result += options.suid && !forgeable ? ",suid" : ",nosuid";
  if (is_root) result += options.dev && !forgeable ? ",dev" : ",nodev";
  if (!options.exec) result += ",noexec";
  if (options.access_times == config::AccessTimes::Never) result += ",noatime";
  return result;
}

/// Why mounting failed, as far as can be told, and what helps.
Problem mount_problem(const config::Options& options, const std::string& helper) {
  if (::access("/dev/fuse", F_OK) < 0) {
    return {"/dev/fuse does not exist",
            "load the fuse module (modprobe fuse), or give this "
            "container the device"};
  }
  struct stat device;
  if (::stat("/dev/fuse", &device) < 0 || !S_ISCHR(device.st_mode)) {
    return {"/dev/fuse is not a device",
            "give this container the real one (character device 10:229)"};
  }
  if (::access("/dev/fuse", R_OK | W_OK) < 0) {
    return {"no permission to open /dev/fuse",
            "its mode is ordinarily 0666; ask the administrator, "
            "or mount as root"};
  }
  return explain({.mountpoint = options.mountpoint,
                  .complaint = last_complaint,
                  .helper = helper,
                  .is_root = ::geteuid() == 0,
                  .profile = find_helper_profile()});
}

/// The requests that a session reads from /dev/fuse.
class SessionRequests : public RequestSource {
 public:
  /// `start_watch` may be null.
  SessionRequests(Daemon& daemon, StartWatch* start_watch)
      : daemon_(daemon), session_(daemon.session), start_watch_(start_watch) {}

  Result<Arrival> receive(fuse_buf& buffer) override {
    const int received = fuse_session_receive_buf(session_, &buffer);
    if (received > 0) return Arrival::Request;
    // The kernel's last word may also be that it gave up the request that was being read.
    if (received == 0 || received == -ECONNABORTED) return Arrival::End;
    if (received == -EINTR || received == -EAGAIN) return Arrival::Interrupted;
    return fail(-received);
  }

  bool handle(const fuse_buf& buffer) override {
    const std::span<const char> request = bytes_of(buffer);
    unique_of_request() = header_of(request).unique;
    if (is_well_formed(request)) {
      fuse_session_process_buf(session_, &buffer);
    } else {
      log::debug("a malformed request is refused");
      refuse(request, EINVAL);
    }
    return fuse_session_exited(session_) == 0;
  }

  uint64_t caller_of(const fuse_buf& buffer) const override {
    return header_of(bytes_of(buffer)).pid;
  }

  bool has_waiting() override { return sys::has_input(BorrowedFd{fuse_session_fd(session_)}); }

  /// Answers INIT, which the kernel queued when it mounted. Call this before any other thread
  /// serves: libfuse reads in each receive what it negotiates here. Returns false when nothing is
  /// served over /dev/fuse afterwards: io_uring was agreed on, or something required was refused.
  Result<bool> serve_init() {
    fuse_buf buffer = {};
    const ScopeExit free_buffer([&buffer] { std::free(buffer.mem); });
    Arrival arrival = Arrival::Interrupted;
    while (arrival == Arrival::Interrupted) arrival = TRY(receive(buffer));
    if (arrival == Arrival::End) return false;
    if (daemon_.survival) daemon_.survival->keep_init(bytes_of(buffer));
    const bool goes_on = handle(buffer);
    begin();
    return goes_on && !daemon_.negotiated.io_uring;
  }

  /// In place of serve_init() for a daemon that follows another: answers INIT once more, which
  /// nobody waits for, and goes on where the other one ended.
  Result<bool> take_over() {
    const std::span<const char> init = daemon_.survival->init();
    RequestBytes copy(init.begin(), init.end());
    const fuse_buf buffer = buffer_of(copy);
    fuse_session_process_buf(session_, &buffer);
    if (daemon_.failed) return false;
    const BorrowedFd connection{fuse_session_fd(session_)};
    if (auto asked = ask_for_unanswered(connection); !asked) {
      daemon_.failed = asked.error();
      return false;
    }
    std::vector<RequestBytes> requests = TRY(receive_unanswered());
    fuse::take_over(daemon_, requests);
    if (daemon_.has_other_layers) TRY(forget_old_permissions(requests));
    begin();
    bool goes_on = true;
    // Before a number that a RELEASE has given back is given to another file.
    std::ranges::stable_partition(requests, is_release);
    for (RequestBytes& request : requests) {
      if (daemon_.has_other_layers && is_lookup(request)) {
        // The kernel let it pass by attributes that a directory had before: it asks for them anew.
        refuse(request, ESTALE);
      } else {
        goes_on = handle(buffer_of(request)) && goes_on;
      }
    }
    daemon_.lost_forgets->look();
    if (daemon_.has_other_rules || daemon_.has_other_layers) {
      daemon_.replacement->names_have_changed();
    }
    return goes_on;
  }

 private:
  /// What is sent again, which comes first but for FORGETs, and the request after it.
  Result<std::vector<RequestBytes>> receive_unanswered() {
    std::vector<RequestBytes> requests;
    fuse_buf buffer = {};
    const ScopeExit free_buffer([&buffer] { std::free(buffer.mem); });
    while (has_waiting()) {
      const Arrival arrival = TRY(receive(buffer));
      if (arrival == Arrival::End) break;
      if (arrival == Arrival::Interrupted) continue;
      const auto bytes = bytes_of(buffer);
      requests.emplace_back(bytes.begin(), bytes.end());
      if (!is_sent_again(bytes) && !is_forget(bytes)) break;
    }
    return requests;
  }

  /// Once answers to GETATTRs of before have been given, which the kernel would not take for true
  /// afterwards. They are taken out of `requests`, and what else is waiting comes to be in there.
  Result<void> forget_old_permissions(std::vector<RequestBytes>& requests) {
    TRY(receive_queued(requests));
    const auto others = std::ranges::stable_partition(requests, is_getattr).begin();
    for (auto request = requests.begin(); request != others; ++request) {
      (void)handle(buffer_of(*request));
    }
    requests.erase(requests.begin(), others);
    forget_directories(daemon_);
    return receive_queued(requests);
  }

  /// What is waiting, or much of it.
  Result<void> receive_queued(std::vector<RequestBytes>& requests) {
    constexpr size_t kMost = 4096;
    fuse_buf buffer = {};
    const ScopeExit free_buffer([&buffer] { std::free(buffer.mem); });
    while (requests.size() < kMost && has_waiting()) {
      const Arrival arrival = TRY(receive(buffer));
      if (arrival == Arrival::End) break;
      if (arrival == Arrival::Interrupted) continue;
      const auto bytes = bytes_of(buffer);
      requests.emplace_back(bytes.begin(), bytes.end());
    }
    return {};
  }

  static fuse_buf buffer_of(RequestBytes& request) {
    fuse_buf buffer = {};
    buffer.size = request.size();
    buffer.mem = request.data();
    return buffer;
  }

  /// libfuse hands over no request that is shorter than its header.
  static std::span<const char> bytes_of(const fuse_buf& buffer) {
    return {static_cast<const char*>(buffer.mem), buffer.size};
  }

  /// libfuse must not see it.
  void refuse(std::span<const char> request, int error) {
    if (!wants_reply(request)) return;
    fuse_out_header reply = {sizeof reply, -error, header_of(request).unique};
    const BorrowedFd connection{fuse_session_fd(session_)};
    (void)sys::write_message(connection, {reinterpret_cast<const char*>(&reply), sizeof reply});
  }

  /// From now on callers are answered.
  void begin() {
    if (start_watch_ != nullptr) start_watch_->answered();
    if (daemon_.failed) return;
    try {
      daemon_.on_ready();
    } catch (const std::exception& reason) {
      daemon_.failed = Problem{reason.what(), {}};
      (void)::kill(::getpid(), SIGTERM);
    }
  }

  Daemon& daemon_;
  fuse_session* const session_;
  StartWatch* const start_watch_;
};

ServingThreads::Looking looking(const config::Options& options) {
  const auto longest =
      options.busy_poll ? std::chrono::microseconds(*options.busy_poll) : BusyPoll::kUsual;
  return {.longest = longest, .processors = sys::usable_processors()};
}

/// Somewhere in the mount table of this process.
bool is_still_mounted(dev_t device) { return sys::has_mounted(device).value_or(true); }

}  // namespace

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    if (!sys::is_ignored(signal)) sigaddset(&signals, signal);
  }
  return signals;
}

Session::~Session() {
  if (session_ == nullptr) return;
  if (mounted_) unmount();
  fuse_session_destroy(session_);
}

Expected<void> Session::make(Daemon& daemon, const config::Options& options) {
  fuse_set_log_func(take_log);
  mountpoint_ = options.mountpoint;
  const std::string text = mount_options(options, ::geteuid() == 0, !daemon.overlay.is_writable());
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
  const ScopeExit free_arguments([&] { fuse_opt_free_args(&arguments); });
  std::vector<const char*> words = {"overpass", "-o", text.c_str()};
  if (options.debug) words.push_back("-d");  // libfuse then logs every request.
  for (const char* argument : words) {
    if (fuse_opt_add_arg(&arguments, argument) != 0) return problem("out of memory");
  }
  const fuse_lowlevel_ops table = operations();
  session_ = fuse_session_new(&arguments, &table, sizeof table, &daemon);
  if (session_ == nullptr) {
    return problem("libfuse refused the mount options" +
                   (last_complaint.empty() ? "" : ": " + last_complaint));
  }
  daemon.session = session_;
  return {};
}

Expected<void> Session::attach(Daemon& daemon, const config::Options& options, UniqueFd connection,
                               const fuse_custom_io& io) {
  if (auto made = make(daemon, options); !made) return made;
  const int result = fuse_session_custom_io(session_, &io, sizeof io, raw(connection));
  if (result < 0) {
    return problem(std::string("libfuse does not take the connection: ") + std::strerror(-result),
                   "build it with its option enable-custom-io (meson configure "
                   "-Dfuse3:enable-custom-io=true in an older build directory)");
  }
  (void)connection.release();  // The session's from here on.
  return {};
}

Expected<void> Session::mount(Daemon& daemon, const config::Options& options) {
  if (auto made = make(daemon, options); !made) return made;
  // The keeper of a mount that survives its daemon has no other thread, and watches by itself.
  if (daemon.survival == nullptr) start_watch_.emplace(mountpoint_);
  if (auto opened = sys::open_read_aheads()) read_aheads_ = std::move(*opened);
  // fusermount3 tells on standard error alone why it fails.
  sys::CapturedErrors errors;
  const bool mounted = fuse_session_mount(session_, mountpoint_.c_str()) == 0;
  const std::string said = errors.end();
  if (mounted || options.debug) errors.pass_on(said);
  if (!mounted) return std::unexpected(mount_problem(options, said));
  mounted_ = true;
  if (const auto mount = sys::mounted_at(mountpoint_.c_str())) mount_ = *mount;
  if (auto set = set_propagation(mountpoint_, device(), options.propagation); !set) return set;
  return options.auto_unmount ? start_guard() : Expected<void>();
}

Expected<void> Session::take(Daemon& daemon, const config::Options& options, UniqueFd connection,
                             const std::optional<sys::MountedAt>& mount) {
  if (auto made = make(daemon, options); !made) return made;
  // libfuse's spelling of a mount that has been made.
  const std::string place = "/dev/fd/" + std::to_string(raw(connection));
  if (fuse_session_mount(session_, place.c_str()) != 0) {
    return problem("libfuse does not take the connection: " + last_complaint);
  }
  (void)connection.release();
  mounted_ = true;
  is_taken_ = true;
  mount_ = mount;
  return {};
}

Expected<void> Session::start_guard() {
  auto started = mount_ ? UnmountGuard::start(mountpoint_, *mount_) : fail(ENOENT);
  if (!started) {
    return problem(std::string("auto_unmount: ") + std::strerror(to_int(started.error())),
                   "raise the limit of processes, or leave the option out");
  }
  guard_ = std::move(*started);
  return {};
}

void Session::end() {
  if (mounted_) unmount();
}

void Session::unmount() {
  mounted_ = false;
  const auto found = sys::mounted_at(mountpoint_.c_str());
  if (mount_ && found && *found != *mount_) {
    // The mount found there belongs to another process. Ours, if it still exists, ends with its
    // connection.
    if (!is_still_mounted(mount_->device)) return;
    return log::warn("'%s' is not unmounted: something else is mounted there by now",
                     mountpoint_.c_str());
  }
  if (!is_taken_) fuse_session_unmount(session_);
  // libfuse goes by fusermount3 alone, and does not see it fail.
  if (mount_) (void)detach(mountpoint_.c_str(), *mount_);
}

Expected<void> Session::serve(Daemon& daemon) {
  is_up = true;
  SessionRequests requests(daemon, start_watch_ ? &*start_watch_ : nullptr);
  ServingThreads threads(requests, daemon.threads, looking(daemon.options));
  std::atomic<bool> is_over = false;
  std::thread watcher;
  auto watch = [&] {
    const auto signal =
        wait_for_end_or_leave({ending_signals(), kLeaveSignal}, daemon.wants_to_leave,
                              daemon.options.ends_with_starter ? std::nullopt : device());
    const ScopeExit stay([&daemon] {
      daemon.stays = true;
      daemon.stays.notify_all();
    });
    if (!is_over) {
      if (daemon.life != nullptr) daemon.life->tell(ToKeeper::Stays);
      if (signal) log::debug("ending on signal %d", *signal);
      if (!signal) log::debug("ending: no process is left that could use the mount");
      write_back(daemon, mountpoint_, ending_signals());
    }
    fuse_session_exit(session_);
    threads.stop();
  };
  try {
    watcher = std::thread(watch);
  } catch (const std::system_error& reason) {
    return problem(std::string("no thread can be started: ") + reason.what(),
                   "raise the limits of processes and of memory");
  }
  Result<void> served;
  const bool is_successor = daemon.life != nullptr && !daemon.life->is_first();
  auto goes_on = is_successor ? requests.take_over() : requests.serve_init();
  if (goes_on) raise_read_ahead(daemon);
  if (!goes_on) {
    served = fail(goes_on.error());
  } else if (*goes_on) {
    served = threads.run();
  }
  if (served && daemon.negotiated.io_uring) served = serve_over_io_uring(daemon.threads);
  // However the serving ended, the watcher waits for a signal.
  is_over = true;
  (void)pthread_kill(watcher.native_handle(), SIGTERM);
  watcher.join();
  if (served) return {};
  return problem(std::string("serving failed: ") + std::strerror(to_int(served.error())));
}

void Session::raise_read_ahead(const Daemon& daemon) {
  const UniqueFd read_aheads = std::exchange(read_aheads_, {});
  const bool are_served_here =
      !daemon.negotiated.passthrough || daemon.overlay.settings.cached_lower_io;
  if (!are_served_here || !read_aheads || !mount_) return;
  const auto set = sys::set_read_ahead(read_aheads, mount_->device, kReadAheadKib);
  if (!set) log::debug("read-ahead stays as it is: %s", std::strerror(to_int(set.error())));
}

Result<void> Session::serve_over_io_uring(unsigned threads) {
  // The queues were started at INIT and have threads of their own. Little still comes over
  // /dev/fuse (FORGET), unless the kernel takes its offer back.
  fuse_loop_config* config = fuse_loop_cfg_create();
  if (config == nullptr) return fail(ENOMEM);
  const ScopeExit destroy_config([config] { fuse_loop_cfg_destroy(config); });
  fuse_loop_cfg_set_clone_fd(config, 1);
  fuse_loop_cfg_set_max_threads(config, threads);
  fuse_loop_cfg_set_idle_threads(config, threads);
  const int result = fuse_session_loop_mt(session_, config);
  // io_uring was offered at INIT and switched off before it was set up: libfuse has served over
  // /dev/fuse instead, and remembers the attempt as an error.
  if (result == -EOPNOTSUPP || result >= 0) return {};
  return fail(-result);
}

}  // namespace overpass::fuse
