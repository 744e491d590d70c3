#include "bench/peers/bare_coroutine.h"

namespace flywheel::bench::peers {

BareTask BareChild(std::uint64_t value) { co_return value; }

}  // namespace flywheel::bench::peers
