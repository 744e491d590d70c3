// BytesReader: a cursor that reads a Bytes from front to back without changing it.
//
// For parsers of frames and headers, which meet numbers and short blocks that may lie across pieces. It is a small
// value: copy it to look ahead, and assign the copy back to go there. Ask remaining() first; reading past the end is a
// bug of the caller and aborts. The Bytes must outlive the reader and stay unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "flywheel/base/bytes.h"

namespace flywheel::inline v0 {

class BytesReader {
 public:
  explicit BytesReader(const Bytes& bytes) noexcept : bytes_(&bytes), remaining_(bytes.size()) { Enter(0); }

  [[nodiscard]] std::size_t remaining() const noexcept { return remaining_; }
  // How much was read: the offset of the next byte.
  [[nodiscard]] std::size_t offset() const noexcept { return bytes_->size() - remaining_; }

  // Unsigned numbers in network byte order; Read moves on, Peek does not.
  [[nodiscard]] std::uint8_t PeekU8() const { return static_cast<std::uint8_t>(Peek<1>()); }
  [[nodiscard]] std::uint16_t PeekU16() const { return static_cast<std::uint16_t>(Peek<2>()); }
  [[nodiscard]] std::uint32_t PeekU24() const { return static_cast<std::uint32_t>(Peek<3>()); }
  [[nodiscard]] std::uint32_t PeekU32() const { return static_cast<std::uint32_t>(Peek<4>()); }
  [[nodiscard]] std::uint64_t PeekU64() const { return Peek<8>(); }
  std::uint8_t ReadU8() { return static_cast<std::uint8_t>(Read<1>()); }
  std::uint16_t ReadU16() { return static_cast<std::uint16_t>(Read<2>()); }
  std::uint32_t ReadU24() { return static_cast<std::uint32_t>(Read<3>()); }
  std::uint32_t ReadU32() { return static_cast<std::uint32_t>(Read<4>()); }
  std::uint64_t ReadU64() { return Read<8>(); }

  void Skip(std::size_t bytes);

  // The next `bytes` as one block: where they lie if that is in one piece, else copied to the front of `scratch`,
  // which must be large enough. Lives as long as the Bytes and the scratch.
  [[nodiscard]] std::span<const std::byte> ReadContiguous(std::size_t bytes, std::span<std::byte> scratch);
  // Copies the next bytes until `to` is full.
  void ReadInto(std::span<std::byte> to);
  // The rest of the piece at hand, for parsers that take what comes; empty only at the end.
  [[nodiscard]] std::span<const std::byte> ReadChunk();
  // The next `bytes` by reference.
  [[nodiscard]] Bytes ReadShared(std::size_t bytes);

 private:
  template <std::size_t kBytes>
  [[nodiscard]] std::uint64_t Peek() const {
    BytesReader ahead = *this;
    return ahead.Read<kBytes>();
  }
  template <std::size_t kBytes>
  std::uint64_t Read() {
    std::byte block[kBytes];
    const std::byte* from = block;
    if (chunk_.size() > kBytes) [[likely]] {
      from = chunk_.data();
      chunk_ = chunk_.subspan(kBytes);
      remaining_ -= kBytes;
    } else {
      ReadInto(block);
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kBytes; ++i) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
    return value;
  }

  void Enter(std::size_t index) noexcept {
    index_ = index;
    chunk_ = index < bytes_->pieces().size() ? bytes_->pieces()[index].span() : std::span<const std::byte>();
  }

  const Bytes* bytes_;
  std::size_t index_ = 0;             // of the piece at hand
  std::span<const std::byte> chunk_;  // its unread rest; not empty before the end
  std::size_t remaining_;
};

}  // namespace flywheel::inline v0
