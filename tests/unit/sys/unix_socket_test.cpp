// SPDX-License-Identifier: MIT

#include "sys/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "scratch.h"
#include "sys/children.h"
#include "sys/stat.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;

constexpr std::byte kBytes[4] = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() : pair_(must(connected_pair())) {}

  std::pair<UniqueFd, UniqueFd> pair_;
};

TEST_F(UnixSocket, CarriesBytesAndDescriptors) {
  const unit::Scratch scratch;
  const UniqueFd file(::open(scratch.path().c_str(), O_RDONLY));
  must(send_packet(pair_.first, kBytes, {file, pair_.first}, Wait::Yes));
  std::byte buffer[8];
  const Packet packet = must(receive_packet(pair_.second, buffer, Wait::Yes));
  EXPECT_EQ(packet.size, 4U);
  EXPECT_EQ(std::memcmp(buffer, kBytes, 4), 0);
  ASSERT_EQ(packet.descriptors, 2U);
  EXPECT_FALSE(packet.is_cut);
  EXPECT_EQ(must(stat_without_asking(packet.fds[0])).stx_ino,
            must(stat_without_asking(file)).stx_ino);
  EXPECT_EQ(::fcntl(raw(packet.fds[0].get()), F_GETFD), FD_CLOEXEC);
}

TEST_F(UnixSocket, TellsOfPacketsThatWereCut) {
  std::byte buffer[3];
  must(send_packet(pair_.first, kBytes, {}, Wait::Yes));
  EXPECT_TRUE(must(receive_packet(pair_.second, buffer, Wait::Yes)).is_cut);
  must(send_packet(pair_.first, std::span(kBytes).first(3), {}, Wait::Yes));
  EXPECT_FALSE(must(receive_packet(pair_.second, buffer, Wait::Yes)).is_cut);
}

TEST_F(UnixSocket, KeepsNoDescriptorBeyondTheMost) {
  // More than fit are sent past send_packet, which refuses them.
  std::vector<int> many(kMostDescriptors + 3, raw(pair_.first.get()));
  std::vector<std::byte> control(CMSG_SPACE(many.size() * sizeof(int)));
  iovec piece = {const_cast<std::byte*>(kBytes), sizeof kBytes};
  msghdr header = {};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(many.size() * sizeof(int));
  std::memcpy(CMSG_DATA(part), many.data(), many.size() * sizeof(int));
  const int before = ::dup(0);  // The lowest number that is free.
  (void)::close(before);
  ASSERT_GT(::sendmsg(raw(pair_.first.get()), &header, 0), 0);
  {
    std::byte buffer[8];
    const Packet packet = must(receive_packet(pair_.second, buffer, Wait::Yes));
    EXPECT_TRUE(packet.is_cut);
    EXPECT_EQ(packet.descriptors, kMostDescriptors);
  }
  const int after = ::dup(0);
  EXPECT_EQ(after, before);  // Nothing was left open in between.
  (void)::close(after);
}

TEST_F(UnixSocket, EndsWithTheOtherEnd) {
  pair_.first.reset();
  std::byte buffer[8];
  EXPECT_EQ(must(receive_packet(pair_.second, buffer, Wait::Yes)).size, 0U);
  EXPECT_EQ(error_of(send_packet(pair_.second, kBytes, {}, Wait::Yes)), EPIPE);
}

TEST_F(UnixSocket, DoesNotWaitUnlessTold) {
  std::byte buffer[8];
  EXPECT_EQ(error_of(receive_packet(pair_.second, buffer, Wait::No)), EAGAIN);
}

TEST(Listener, KnowsTheUserThatConnected) {
  const unit::Scratch scratch;
  const std::string path = scratch.path("socket");
  const UniqueFd listener = must(listen_at(path.c_str()));
  EXPECT_EQ(error_of(accept_connection(listener)), EAGAIN);
  const UniqueFd client = must(connect_to(path.c_str(), 1000));
  const UniqueFd accepted = must(accept_connection(listener));
  const Peer peer = must(peer_of(accepted));
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_TRUE(is_running(must(peer_process(accepted, peer))));
}

TEST(Listener, GivesUpOnASilentClient) {
  const unit::Scratch scratch;
  const UniqueFd listener = must(listen_at(scratch.path("socket").c_str()));
  const UniqueFd client = must(connect_to(scratch.path("socket").c_str(), 20));
  std::byte buffer[8];
  EXPECT_EQ(error_of(receive_packet(client, buffer, Wait::Yes)), EAGAIN);
}

TEST(Listener, IsNotWhereThereIsNone) {
  const unit::Scratch scratch;
  EXPECT_EQ(error_of(connect_to(scratch.path("socket").c_str(), 20)), ENOENT);
  EXPECT_EQ(error_of(connect_to(std::string(200, 'x').c_str(), 20)), ENAMETOOLONG);
  must(listen_at(scratch.path("socket").c_str()));
  EXPECT_EQ(error_of(connect_to(scratch.path("socket").c_str(), 20)), ECONNREFUSED);
  EXPECT_EQ(error_of(listen_at(scratch.path("socket").c_str())), EADDRINUSE);
}

}  // namespace
}  // namespace overpass::sys
