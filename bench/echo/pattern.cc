#include "bench/echo/pattern.h"

#include <algorithm>
#include <cstring>

namespace flywheel::bench::echo {
namespace {

constexpr std::uint64_t kWordBytes = 8;

// SplitMix64 (Steele, Lea, Flood 2014): a bijection of the word's number, so no two words of a stream are alike.
std::uint64_t Word(std::uint64_t stream, std::uint64_t index) {
  std::uint64_t z = stream * 0xd1342543de82ef95U + index * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

// Calls use(position in the span, pointer to pattern bytes, count) for the parts of up to 8 bytes that make up
// [offset, offset + size), until one returns false.
template <typename Use>
bool ForEachPart(std::uint64_t stream, std::uint64_t offset, std::size_t size, Use use) {
  for (std::size_t at = 0; at < size;) {
    const std::uint64_t word = Word(stream, (offset + at) / kWordBytes);
    unsigned char bytes[kWordBytes];
    std::memcpy(bytes, &word, kWordBytes);
    const std::size_t skip = (offset + at) % kWordBytes;
    const std::size_t count = std::min(kWordBytes - skip, size - at);
    if (!use(at, bytes + skip, count)) return false;
    at += count;
  }
  return true;
}

}  // namespace

void FillPattern(std::uint64_t stream, std::uint64_t offset, std::span<unsigned char> bytes) {
  ForEachPart(stream, offset, bytes.size(), [&](std::size_t at, const unsigned char* part, std::size_t count) {
    std::memcpy(bytes.data() + at, part, count);
    return true;
  });
}

bool MatchesPattern(std::uint64_t stream, std::uint64_t offset, std::span<const unsigned char> bytes) {
  return ForEachPart(stream, offset, bytes.size(), [&](std::size_t at, const unsigned char* part, std::size_t count) {
    return std::memcmp(bytes.data() + at, part, count) == 0;
  });
}

}  // namespace flywheel::bench::echo
