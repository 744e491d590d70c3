#include "flywheel/runtime/network.h"

#include <cerrno>

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/context.h"

namespace flywheel::inline v0 {

Task<StatusOr<std::size_t>> Socket::Read(std::span<std::byte> buffer) {
  FW_CO_ASSIGN_OR_RETURN(Readiness* const readiness, Watch());
  for (;;) {
    FW_CO_RETURN_IF_ERROR(co_await readiness->Readable());
    const IoResult result = TryRead(buffer);
    if (result.error == 0) {
      if (Cost* const cost = Context::current().cost(); cost != nullptr) cost->bytes_in += result.count;
      co_return result.count;
    }
    if (result.error != EAGAIN) co_return ErrnoStatus(result.error, "reading from " + peer().ToString());
  }
}

Task<Status> Socket::WriteAll(std::span<const std::byte> bytes) {
  FW_CO_ASSIGN_OR_RETURN(Readiness* const readiness, Watch());
  while (!bytes.empty()) {
    const iovec piece{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    const IoResult result = TryWrite({&piece, 1});
    if (result.error != 0 && result.error != EAGAIN) {
      co_return ErrnoStatus(result.error, "writing to " + peer().ToString());
    }
    if (Cost* const cost = Context::current().cost(); cost != nullptr) cost->bytes_out += result.count;
    bytes = bytes.subspan(result.count);
    if (FW_MUTANT("socket.forgets_partial_write") && result.count != 0) break;
    if (!bytes.empty()) FW_CO_RETURN_IF_ERROR(co_await readiness->Writable());
  }
  co_return Status::Ok();
}

Task<StatusOr<std::unique_ptr<Socket>>> Listener::Accept() {
  FW_CO_ASSIGN_OR_RETURN(Readiness* const readiness, Watch());
  for (;;) {
    FW_CO_RETURN_IF_ERROR(co_await readiness->Readable());
    auto socket = TryAccept();
    if (!socket.ok() || *socket != nullptr) co_return socket;
  }
}

}  // namespace flywheel::inline v0
