// echo --listen 127.0.0.1:7007: sends back what it receives. On SIGTERM it still takes in whoever has connected, serves
// everyone to the end (for 10 s at most) and exits with 0.
#include <array>
#include <cstdio>

#include "flywheel/runtime/drain.h"
#include "flywheel/runtime/runtime.h"

using namespace flywheel;

Task<void> Echo(std::unique_ptr<Socket> socket) {
  std::array<std::byte, 16384> buffer;
  for (;;) {
    const auto count = co_await socket->Read(buffer);
    if (!count.ok() || *count == 0) co_return;
    if (!(co_await socket->WriteAll(std::span(buffer).first(*count))).ok()) co_return;
  }
}

Task<Status> Serve(const char* where) {
  FW_CO_ASSIGN_OR_RETURN(const auto endpoint, Endpoint::Parse(where));
  FW_CO_ASSIGN_OR_RETURN(auto listener, Context::current().host()->network().Listen(endpoint));
  std::printf("echo: listening on %s\n", listener->local().ToString().c_str());
  std::fflush(stdout);
  TaskGroup connections;
  for (;;) {
    auto socket = co_await UntilDraining(listener->Accept());
    if (!socket.ok()) socket = listener->TryAccept();  // draining: only those who wait already
    if (!socket.ok() || *socket == nullptr) break;
    connections.Spawn(Echo(*std::move(socket)));
  }
  listener.reset();
  co_return co_await connections.Drain(std::chrono::seconds(10));
}

int main(int argc, char** argv) {
  auto runtime = Runtime::Create({.name = "echo", .loops = 1});
  return runtime.ok() ? (*runtime)->Main(Serve(argc == 3 ? argv[2] : "127.0.0.1:7007")) : 1;
}
