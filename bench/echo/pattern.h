// The bytes that the load sends: a function of (stream, offset), so that what comes back is checked without keeping
// what was sent. Streams differ from their first bytes on, and every 8-byte word of a stream differs from the others:
// a byte that is lost, repeated, reordered or delivered to another connection does not go unnoticed.
#pragma once

#include <cstdint>
#include <span>

namespace flywheel::bench::echo {

// Writes the bytes of `stream` from `offset` on.
void FillPattern(std::uint64_t stream, std::uint64_t offset, std::span<unsigned char> bytes);

// True if `bytes` are those of `stream` from `offset` on.
bool MatchesPattern(std::uint64_t stream, std::uint64_t offset, std::span<const unsigned char> bytes);

}  // namespace flywheel::bench::echo
