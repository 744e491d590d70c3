#include "flywheel/runtime/sim/byte_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace flywheel::inline v0::sim {

std::span<std::byte> ByteRing::Piece(std::uint64_t offset, std::size_t size) noexcept {
  const std::size_t at = offset & (ring_.size() - 1);
  return std::span(ring_).subspan(at, std::min(size, ring_.size() - at));
}

void ByteRing::Grow(std::size_t size) {
  std::vector<std::byte> larger(std::bit_ceil(std::max(size, kBytesMin)));
  for (std::uint64_t offset = begin_; offset < end_;) {
    const std::span<std::byte> from = Piece(offset, end_ - offset);
    // The larger ring may end within this piece.
    const std::size_t at = offset & (larger.size() - 1);
    const std::size_t count = std::min(from.size(), larger.size() - at);
    std::memcpy(larger.data() + at, from.data(), count);
    offset += count;
  }
  ring_ = std::move(larger);
}

void ByteRing::Append(std::span<const std::byte> bytes) {
  const std::size_t size = end_ - begin_ + bytes.size();
  if (size > ring_.size()) Grow(size);
  while (!bytes.empty()) {
    const std::span<std::byte> to = Piece(end_, bytes.size());
    std::memcpy(to.data(), bytes.data(), to.size());
    end_ += to.size();
    bytes = bytes.subspan(to.size());
  }
}

void ByteRing::Take(std::span<std::byte> to) noexcept {
  while (!to.empty()) {
    const std::span<std::byte> from = Piece(begin_, to.size());
    std::memcpy(to.data(), from.data(), from.size());
    begin_ += from.size();
    to = to.subspan(from.size());
  }
}

}  // namespace flywheel::inline v0::sim
