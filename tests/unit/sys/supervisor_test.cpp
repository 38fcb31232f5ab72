// SPDX-License-Identifier: MIT

#include "sys/supervisor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.h"
#include "scratch.h"

namespace overpass::sys {
namespace {

using unit::Scratch;

/// A manager's socket; `name` is the value of NOTIFY_SOCKET.
UniqueFd listen_as_manager(const std::string& name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(raw(socket), reinterpret_cast<const sockaddr*>(&address), length), 0);
  return socket;
}

std::string received(const UniqueFd& socket) {
  char buffer[64];
  const ssize_t size = ::recv(raw(socket), buffer, sizeof buffer, MSG_DONTWAIT);
  return size < 0 ? "nothing" : std::string(buffer, static_cast<size_t>(size));
}

class Supervisor : public testing::Test {
 protected:
  ~Supervisor() override { ::unsetenv("NOTIFY_SOCKET"); }
};

TEST_F(Supervisor, IsToldThroughASocketWithAPath) {
  const Scratch scratch;
  const std::string name = scratch.path("notify");
  const UniqueFd manager = listen_as_manager(name);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  EXPECT_TRUE(tell_supervisor("READY=1"));
  EXPECT_EQ(received(manager), "READY=1");
}

TEST_F(Supervisor, IsToldThroughAnAbstractSocket) {
  const std::string name = "@overpass-test-" + std::to_string(::getpid());
  const UniqueFd manager = listen_as_manager(name);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  EXPECT_TRUE(tell_supervisor("READY=1"));
  EXPECT_EQ(received(manager), "READY=1");
}

TEST_F(Supervisor, IsNotMissedWhereThereIsNone) { EXPECT_TRUE(tell_supervisor("READY=1")); }

TEST_F(Supervisor, HasToBeNamedByAPathOrAnAbstractName) {
  for (const std::string& name :
       {std::string("relative"), std::string("/"), std::string(""), "/" + std::string(200, 'a')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_TRUE(tell_supervisor("READY=1").failed_with(EINVAL)) << name;
  }
  ::setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
  EXPECT_TRUE(tell_supervisor("READY=1").failed_with(ENOENT));
}

}  // namespace
}  // namespace overpass::sys
