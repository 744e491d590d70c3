// asio_echo --listen 127.0.0.1:0: the echo server as Asio's users write it, after the coroutine example that comes with
// Asio (cpp17/coroutines_ts/echo_server.cpp): a coroutine per connection, completion by use_awaitable, errors as
// exceptions. What a user who cares for speed adds is added: the concurrency hint of one thread, and TCP_NODELAY.
// SIGTERM: stops accepting, ends with code 0 when the last connection has closed; a second SIGTERM kills.
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "bench/echo/arguments.h"
#include "bench/echo/sockets.h"

namespace flywheel::bench::echo {
namespace {

using asio::use_awaitable;
using asio::ip::tcp;

constexpr std::size_t kChunkBytes = 16'384;  // as in raw_epoll_echo

asio::awaitable<void> Echo(tcp::socket socket) {
  try {
    char data[kChunkBytes];
    while (true) {
      const std::size_t got = co_await socket.async_read_some(asio::buffer(data), use_awaitable);
      co_await asio::async_write(socket, asio::buffer(data, got), use_awaitable);
    }
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the end of the stream comes this way too
    // The socket closes with this frame.
  }
}

asio::awaitable<void> Accept(tcp::acceptor& acceptor) {
  try {
    while (true) {
      tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
      socket.set_option(tcp::no_delay(true));
      asio::co_spawn(acceptor.get_executor(), Echo(std::move(socket)), asio::detached);
    }
  } catch (const std::exception& error) {
    if (acceptor.is_open()) std::fprintf(stderr, "asio_echo: stopped accepting: %s\n", error.what());
  }
}

void Serve(const sockaddr_in& address) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context);
  acceptor.open(tcp::v4());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  acceptor.bind({asio::ip::address_v4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)});
  acceptor.listen(4096);

  asio::signal_set signals(context, SIGTERM);
  signals.async_wait([&](const std::error_code&, int) {
    acceptor.close();
    signals.clear();  // the next one kills, as it does without a handler
  });
  asio::co_spawn(context, Accept(acceptor), asio::detached);
  const tcp::endpoint bound = acceptor.local_endpoint();
  std::printf("asio_echo: listening on %s:%d\n", bound.address().to_string().c_str(), bound.port());
  std::fflush(stdout);
  context.run();
}

Status Main(int argc, char** argv) {
  Arguments arguments(argc, argv);
  const std::string listen = arguments.Text("--listen", "127.0.0.1:0");
  FW_RETURN_IF_ERROR(arguments.status());
  FW_RETURN_IF_ERROR(RaiseFileLimit(0));
  FW_ASSIGN_OR_RETURN(const sockaddr_in address, ParseAddress(listen));
  try {
    Serve(address);
  } catch (const std::exception& error) {
    return Unavailable("listening on " + listen + ": " + error.what());
  }
  return Status::Ok();
}

}  // namespace
}  // namespace flywheel::bench::echo

int main(int argc, char** argv) {
  const flywheel::Status status = flywheel::bench::echo::Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "asio_echo: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
