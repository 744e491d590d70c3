#include "flywheel/base/bytes_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace flywheel::inline v0 {
namespace {

constexpr std::string_view kText("\x00\x01\x02\x03\x04\x05\x06\x07\x08\xff\xfe\xfd", 12);

// The text in pieces of `size`, each of memory of its own.
Bytes Cut(std::string_view text, std::size_t size) {
  Bytes bytes;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    bytes.Append(Bytes::External(std::as_bytes(std::span(text.substr(0, size))), [](void*) noexcept {}, nullptr));
  }
  return bytes;
}
std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(BytesReaderTest, ReadsNumbersInNetworkOrderWhereverTheyAreCut) {
  for (std::size_t size = 1; size <= kText.size(); ++size) {
    const Bytes bytes = Cut(kText, size);
    BytesReader reader(bytes);
    EXPECT_EQ(reader.PeekU64(), 0x0001020304050607u);
    EXPECT_EQ(reader.PeekU32(), 0x00010203u);
    EXPECT_EQ(reader.offset(), 0);
    EXPECT_EQ(reader.ReadU8(), 0x00);
    EXPECT_EQ(reader.PeekU16(), 0x0102);
    EXPECT_EQ(reader.ReadU16(), 0x0102);
    EXPECT_EQ(reader.PeekU24(), 0x030405u);
    EXPECT_EQ(reader.ReadU24(), 0x030405u);
    EXPECT_EQ(reader.offset(), 6);
    EXPECT_EQ(reader.ReadU32(), 0x060708ffu);
    EXPECT_EQ(reader.PeekU8(), 0xfe);
    EXPECT_EQ(reader.remaining(), 2);
    reader.Skip(2);
    EXPECT_EQ(reader.remaining(), 0);
    BytesReader again(bytes);
    again.Skip(4);
    EXPECT_EQ(again.ReadU64(), 0x0405060708fffefdu);
  }
}

TEST(BytesReaderTest, GivesOneBlockWithoutACopyIfItLiesInOnePiece) {
  const Bytes bytes = Cut("abcdefgh", 4);
  std::array<std::byte, 8> scratch;
  BytesReader reader(bytes);
  const auto whole = reader.ReadContiguous(4, {});
  EXPECT_EQ(whole.data(), bytes.pieces()[0].data());
  EXPECT_EQ(reader.ReadContiguous(1, {}).data(), bytes.pieces()[1].data());
  BytesReader other(bytes);
  other.Skip(2);
  const auto across = other.ReadContiguous(4, scratch);
  EXPECT_EQ(across.data(), scratch.data());
  EXPECT_EQ(Text(across), "cdef");
  EXPECT_TRUE(other.ReadContiguous(0, {}).empty());
  EXPECT_EQ(other.remaining(), 2);
}

TEST(BytesReaderTest, GivesChunksAsTheyComeAndThenNothing) {
  const Bytes bytes = Cut("abcdefgh", 3);
  BytesReader reader(bytes);
  reader.Skip(1);
  EXPECT_EQ(Text(reader.ReadChunk()), "bc");
  EXPECT_EQ(Text(reader.ReadChunk()), "def");
  EXPECT_EQ(Text(reader.ReadChunk()), "gh");
  EXPECT_TRUE(reader.ReadChunk().empty());
}

TEST(BytesReaderTest, ReadsByReferenceAndByCopy) {
  const Bytes bytes = Cut("abcdefgh", 3);
  BytesReader reader(bytes);
  reader.Skip(1);
  const Bytes shared = reader.ReadShared(4);
  EXPECT_TRUE(shared == "bcde");
  EXPECT_EQ(shared.pieces()[1].data(), bytes.pieces()[1].data());
  std::array<std::byte, 3> copy;
  reader.ReadInto(copy);
  EXPECT_EQ(Text(copy), "fgh");
}

TEST(BytesReaderTest, ACopyLooksAhead) {
  const Bytes bytes = Cut("abc", 1);
  BytesReader reader(bytes);
  BytesReader ahead = reader;
  ahead.Skip(2);
  EXPECT_EQ(ahead.ReadU8(), 'c');
  EXPECT_EQ(reader.ReadU8(), 'a');
}

TEST(BytesReaderTest, OfNothingIsAtItsEnd) {
  const Bytes bytes;
  BytesReader reader(bytes);
  EXPECT_EQ(reader.remaining(), 0);
  EXPECT_TRUE(reader.ReadChunk().empty());
  reader.Skip(0);
  reader.ReadInto({});
}

TEST(BytesReaderDeathTest, ReadingPastTheEndAborts) {
  const Bytes bytes = Cut("abc", 2);
  std::array<std::byte, 8> scratch;
  BytesReader reader(bytes);
  reader.Skip(1);
  EXPECT_DEATH(reader.ReadU32(), "reading 4 bytes at 1 of 3");
  EXPECT_DEATH(static_cast<void>(reader.PeekU24()), "reading 3 bytes at 1 of 3");
  EXPECT_DEATH(reader.Skip(3), "Skip\\(3\\) at 1 of 3 bytes");
  EXPECT_DEATH(reader.ReadInto(scratch), "reading 8 bytes at 1 of 3");
  EXPECT_DEATH(static_cast<void>(reader.ReadContiguous(3, scratch)), "reading 3 bytes at 1 of 3");
  EXPECT_DEATH(static_cast<void>(reader.ReadContiguous(2, {})), "2 bytes that lie in several pieces, scratch for 0");
  EXPECT_DEATH(static_cast<void>(reader.ReadShared(3)), "of 3 bytes");
}

}  // namespace
}  // namespace flywheel::inline v0
