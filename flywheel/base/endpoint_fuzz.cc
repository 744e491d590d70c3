#include <cstddef>
#include <cstdint>
#include <string_view>

#include "flywheel/base/check.h"
#include "flywheel/base/endpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using flywheel::Endpoint;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto endpoint = Endpoint::Parse(text); endpoint.ok()) {
    const auto again = Endpoint::Parse(endpoint->ToString());
    FW_CHECK(again.ok() && *again == *endpoint) << *endpoint;
    FW_CHECK(again->ToString() == endpoint->ToString()) << *endpoint;
    // Interfaces are asked for by name, which depends on the machine; the rest must convert both ways.
    if (endpoint->kind() != Endpoint::Kind::kName && !endpoint->host().contains('%')) {
      const auto address = endpoint->ToSockaddr();
      FW_CHECK(address.ok()) << *endpoint;
      const auto back = Endpoint::FromSockaddr(address->get(), address->length);
      FW_CHECK(back.ok() && *back == *endpoint) << *endpoint;
    }
  }
  if (const auto endpoint = Endpoint::Of(text, 1); endpoint.ok()) {
    const auto again = Endpoint::Parse(endpoint->ToString());
    FW_CHECK(again.ok() && *again == *endpoint) << *endpoint;
  }
  // As an address from the kernel, of any length that it can have.
  sockaddr_storage storage{};
  const std::size_t length = size < sizeof(storage) ? size : sizeof(storage);
  for (std::size_t i = 0; i < length; ++i) reinterpret_cast<std::uint8_t*>(&storage)[i] = data[i];
  const auto* const address = reinterpret_cast<const sockaddr*>(&storage);
  if (const auto endpoint = Endpoint::FromSockaddr(address, static_cast<socklen_t>(length)); endpoint.ok()) {
    const auto again = Endpoint::Parse(endpoint->ToString());
    FW_CHECK(again.ok() && *again == *endpoint) << *endpoint;
  }
  return 0;
}
