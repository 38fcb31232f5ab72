// SPDX-License-Identifier: MIT
//
// Each row makes one call in a process of its own that has confined itself: what is in the lists
// goes through, what is not ends the process.

#include "broker/confinement.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "gtest/gtest.h"

namespace overpass::broker {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kEndedBy = 0;  // Their builds are not confined.
#else
constexpr int kEndedBy = SIGSYS;
#endif

/// The signal that ended a process that confined itself and then made the call; 0: it went on.
int signal_of(Result<void> (*confine)(), void (*call)()) {
  const pid_t child = fork();
  if (child == 0) {
    if (!confine()) _exit(1);
    call();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the filter was not loaded";
  return 0;
}

struct CallRow {
  const char* name;
  void (*call)();
  bool may_be_served;      ///< In the server, and before the greeting.
  bool may_be_registered;  ///< After the greeting.
};

// What the calls answer does not matter: the descriptors are none.
const CallRow kCalls[] = {
    {"OpenForReading", [] { (void)open("/", O_RDONLY | O_CLOEXEC); }, true, true},
    {"OpenPath", [] { (void)open("/", O_PATH); }, true, true},
    {"OpenForWriting", [] { (void)open("/none/x", O_WRONLY); }, false, false},
    {"OpenForBoth", [] { (void)open("/none/x", O_RDWR); }, false, false},
    {"Create", [] { (void)open("/none/x", O_RDONLY | O_CREAT, 0600); }, false, false},
    {"Execute", [] { (void)execl("/none/x", "x", nullptr); }, false, false},
    {"NewSocket", [] { (void)socket(AF_INET, SOCK_DGRAM, 0); }, false, false},
    {"ReceiveTimeout", [] { (void)setsockopt(-1, SOL_SOCKET, SO_RCVTIMEO, nullptr, 0); }, true,
     false},
    {"OtherSocketOption", [] { (void)setsockopt(-1, SOL_SOCKET, SO_RCVBUFFORCE, nullptr, 0); },
     false, false},
    {"Fork",
     [] {
       if (fork() == 0) _exit(0);
     },
     true, false},
    {"NewUserNamespace", [] { (void)unshare(CLONE_NEWUSER); }, false, false},
    {"EnterMountNamespace", [] { (void)setns(-1, CLONE_NEWNS); }, true, false},
    {"EnterNetworkNamespace", [] { (void)setns(-1, CLONE_NEWNET); }, false, false},
    {"Mount", [] { (void)syscall(SYS_mount, "x", "/none", "tmpfs", 0, nullptr); }, false, false},
    {"MoveMount", [] { (void)syscall(SYS_move_mount, -1, "", -1, "", 0); }, false, false},
    {"Remove", [] { (void)unlink("/none/x"); }, false, false},
    {"ChangeMode", [] { (void)fchmod(-1, 0); }, false, false},
    {"ChangeUser", [] { (void)syscall(SYS_setresuid, 1, 1, 1); }, false, false},
    {"OtherIoctl", [] { (void)ioctl(-1, 0x5401); }, false, false},
    {"CopyDescriptor", [] { (void)fcntl(-1, F_DUPFD, 0); }, false, false},
    {"ReadFile", [] { (void)!read(-1, nullptr, 0); }, true, false},
    {"SignalToOneself", [] { (void)syscall(SYS_tgkill, getpid(), gettid(), 0); }, true, true},
    {"SignalToAnother", [] { (void)syscall(SYS_tgkill, 1, 1, 0); }, true, false},
    {"SignalToAProcess", [] { (void)kill(getpid(), 0); }, true, false},
#if defined(__x86_64__)
    // What is allowed by its number in one table of calls is another call in another table.
    {"CallOfAnotherTable", [] { (void)syscall(0x40000000 | SYS_getpid); }, false, false},
#endif
    {"Trace", [] { (void)syscall(SYS_ptrace, 0, 0, 0, 0); }, false, false},
    {"ExecutableMemory",
     [] { (void)mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); },
     false, false},
    {"MemoryMadeExecutable", [] { (void)mprotect(nullptr, 0, PROT_EXEC); }, false, false},
    {"OrdinaryMemory",
     [] { (void)mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); },
     true, true},
    {"ReceivePacket", [] { (void)recvmsg(-1, nullptr, 0); }, true, true},
    {"ExamineFile",
     [] {
       struct statx answer;
       (void)statx(-1, "", AT_EMPTY_PATH, 0, &answer);
     },
     true, true},
};

class Confinement : public testing::TestWithParam<CallRow> {};

TEST_P(Confinement, LetsListedCallsThroughAndEndsTheProcessAtOthers) {
  const CallRow& row = GetParam();
  EXPECT_EQ(signal_of(confine_to_serving, row.call), row.may_be_served ? 0 : kEndedBy);
  EXPECT_EQ(signal_of(confine_to_registering, row.call), row.may_be_registered ? 0 : kEndedBy);
}

INSTANTIATE_TEST_SUITE_P(Calls, Confinement, testing::ValuesIn(kCalls),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(ConfinementTwice, OnlyNarrows) {
  const auto both = [] {
    if (auto confined = confine_to_serving(); !confined) return confined;
    return confine_to_registering();
  };
  EXPECT_EQ(signal_of(both, [] { (void)setns(-1, CLONE_NEWNS); }), kEndedBy);
  EXPECT_EQ(signal_of(both, [] { (void)recvmsg(-1, nullptr, 0); }), 0);
}

}  // namespace

}  // namespace overpass::broker
