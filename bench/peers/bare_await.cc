#include "bench/peers/bare_coroutine.h"

namespace flywheel::bench::peers {
namespace {

BareTask AwaitChildren(std::uint64_t operations) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < operations; ++i) sum += co_await BareChild(i);
  co_return sum;
}

}  // namespace

std::uint64_t BareAwait(std::uint64_t operations) { return AwaitChildren(operations).Run(); }

}  // namespace flywheel::bench::peers
