// Moving bytes: a pooled block against malloc, a read buffer that is cut into frames against std::string, and joining
// by copy against joining by reference, which is where Bytes::kCoalesceBytes comes from.
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "bench/harness.h"
#include "flywheel/base/bytes.h"
#include "flywheel/base/slab.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {
namespace {

// Gives the thread a pool, as a loop does.
class PoolInSlot {
 public:
  PoolInSlot() { thread_slot.slabs = &pool_; }
  PoolInSlot(const PoolInSlot&) = delete;
  PoolInSlot& operator=(const PoolInSlot&) = delete;
  ~PoolInSlot() { thread_slot.slabs = nullptr; }

 private:
  SlabPool pool_;
};

bool Identity(std::uint64_t operations, std::uint64_t sum) { return sum == operations; }

FW_BENCHMARK(SlabAllocate, "base.slab") {
  const PoolInSlot pool;
  for (const std::size_t bytes : {std::size_t{4000}, std::size_t{20000}}) {
    const auto pooled = [bytes](std::uint64_t n) {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < n; ++i) {
        const SlabRef slab = Slab::Allocate(bytes);
        slab->data()[0] = std::byte{1};
        bench::ClobberMemory();
        sum += std::to_integer<std::uint64_t>(slab->data()[0]);
      }
      return sum;
    };
    const auto heap = [bytes](std::uint64_t n) {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < n; ++i) {
        auto* const block = static_cast<unsigned char*>(std::malloc(bytes));
        bench::DoNotOptimize(block);
        block[0] = 1;
        bench::ClobberMemory();
        sum += block[0];
        std::free(block);
      }
      return sum;
    };
    bench.Compare({.scenario = "allocate_free_" + std::to_string(bytes),
                   .ours = {.run = pooled},
                   .peers = {{.name = "malloc", .version = "glibc", .run = heap}},
                   .check = Identity});
  }
}

// Eight frames arrive with one read; each is taken off the buffer, looked at and dropped. One operation is one frame.
FW_BENCHMARK(BytesFrame, "base.bytes") {
  const PoolInSlot pool;
  constexpr std::size_t kFrames = 8;
  for (const std::size_t size : {64, 512, 2048}) {
    Bytes buffer;
    const auto ours = [&buffer, size](std::uint64_t n) {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < n; i += kFrames) {
        std::memset(buffer.Prepare(kFrames * size).data(), 1, kFrames * size);
        buffer.Commit(kFrames * size);
        while (!buffer.empty()) {
          const Bytes frame = buffer.Split(size);
          bench::ClobberMemory();
          sum += std::to_integer<std::uint64_t>(frame.pieces()[0].data()[size - 1]);
        }
      }
      return sum;
    };
    std::string text;
    const auto strings = [&text, size](std::uint64_t n) {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < n; i += kFrames) {
        text.append(kFrames * size, '\1');
        while (!text.empty()) {
          const std::string frame = text.substr(0, size);
          text.erase(0, size);
          bench::ClobberMemory();
          sum += static_cast<std::uint64_t>(frame[size - 1]);
        }
      }
      return sum;
    };
    bench.Compare({.scenario = "split_frame_" + std::to_string(size),
                   .ours = {.run = ours},
                   .peers = {{.name = "string", .version = "libstdc++", .run = strings}},
                   .check = Identity,
                   .batch = kFrames});
  }
}

// A reply of a header, a body that came by reference and a trailer, described to writev and dropped. The body is
// joined by reference (whose cost does not depend on its size, hence only sizes that are never coalesced) or copied.
FW_BENCHMARK(BytesJoin, "base.bytes") {
  const PoolInSlot pool;
  for (const std::size_t size : {Bytes::kCoalesceBytes + 1, std::size_t{512}, std::size_t{1024}, std::size_t{4000}}) {
    const Bytes body(std::string(size, 'x'));
    const auto join = [&body](std::uint64_t n, bool copy) {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < n; ++i) {
        Bytes part = body.Share();
        Bytes reply;
        reply.Append("head");
        if (copy) {
          reply.Append(part.pieces()[0].span());
        } else {
          reply.Append(std::move(part));
        }
        reply.Append("tail");
        std::array<iovec, 4> entries;
        sum += reply.FillIovec(entries) > 0 ? 1 : 0;
        bench::DoNotOptimize(entries);
      }
      return sum;
    };
    bench.Compare({.scenario = "join_" + std::to_string(size),
                   .ours = {.name = "link", .run = [&join](std::uint64_t n) { return join(n, false); }},
                   .peers = {{.name = "copy",
                              .version = "written here",
                              .run = [&join](std::uint64_t n) { return join(n, true); }}},
                   .check = Identity});
  }
}

}  // namespace
}  // namespace flywheel::inline v0
