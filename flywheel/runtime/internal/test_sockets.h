// What tests of networks share, real and simulated: connected pairs, whole streams, and results in one word.
//
// Nothing here waits for time: a test waits for an edge of a Readiness or for the bytes themselves.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/runtime/network.h"

namespace flywheel::inline v0::internal {

inline Endpoint ParseEndpoint(std::string_view text) { return Endpoint::Parse(text).value(); }

struct SocketPair {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Socket> client;
  std::unique_ptr<Socket> server;
};

// A client and the server's socket that was accepted for it.
inline Task<SocketPair> ConnectPair(Network& network, Endpoint where = ParseEndpoint("127.0.0.1:0")) {
  SocketPair pair;
  pair.listener = network.Listen(where).value();
  pair.client = (co_await network.Connect(pair.listener->local())).value();
  pair.server = (co_await pair.listener->Accept()).value();
  co_return pair;
}

inline std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// "EAGAIN", "0" or the number of bytes.
inline std::string Outcome(const IoResult& result) {
  return result.error == 0 ? std::to_string(result.count) : ::strerrorname_np(result.error);
}
inline std::string TryRead(Socket& socket, std::size_t bytes = 1024) {
  std::string buffer(bytes, '\0');
  const IoResult result = socket.TryRead(std::as_writable_bytes(std::span(buffer)));
  return result.error == 0 && result.count > 0 ? buffer.substr(0, result.count) : Outcome(result);
}
inline std::string TryWrite(Socket& socket, std::string_view text) {
  const iovec piece{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  return Outcome(socket.TryWrite({&piece, 1}));
}

// What the next read comes to once there is something to say: bytes, "0" at the end, or the errno.
inline Task<std::string> NextRead(Socket& socket, std::size_t bytes = 1024) {
  Readiness* const readiness = socket.Watch().value();
  for (;;) {
    const Status status = co_await readiness->Readable();
    if (!status.ok()) co_return status.ToString();
    std::string outcome = TryRead(socket, bytes);
    if (outcome != "EAGAIN") co_return outcome;
  }
}

// Waits until a reset, a timeout or the end of both directions has been seen, without reading or writing.
inline Task<void> AwaitFailure(Socket& socket) {
  Readiness* const readiness = socket.Watch().value();
  while (true) {
    readiness->ClearWritable();
    if (!(co_await readiness->Writable()).ok()) co_return;
    readiness->ClearWritable();
    if (readiness->writable()) co_return;  // stays so only after a failure
  }
}

// To the end of the stream, or to the failure, which comes behind the bytes in brackets: "abc[ECONNRESET]".
inline Task<std::string> ReadAll(Socket& socket, std::size_t piece = 4096) {
  std::string all;
  for (;;) {
    Readiness* const readiness = socket.Watch().value();
    if (const Status status = co_await readiness->Readable(); !status.ok()) co_return all + "[cancelled]";
    std::string buffer(piece, '\0');
    const IoResult result = socket.TryRead(std::as_writable_bytes(std::span(buffer)));
    if (result.error == EAGAIN) continue;
    if (result.error != 0) co_return all + "[" + Outcome(result) + "]";
    if (result.count == 0) co_return all;
    all.append(buffer, 0, result.count);
  }
}

}  // namespace flywheel::inline v0::internal
