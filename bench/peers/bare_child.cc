#include "bench/peers/bare_coroutine.h"

namespace flywheel::bench::peers {

constinit thread_local BareFrames bare_frames;

BareTask BareChild(std::uint64_t value) { co_return value; }

}  // namespace flywheel::bench::peers
