// Who may write where: room, headroom, and what sharers must not see.
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "flywheel/base/bytes.h"

namespace flywheel::inline v0 {
namespace {

constexpr std::size_t kSmall = Slab::CapacityFor(1);

std::string Pattern(std::size_t size, char first = 'a') {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i % 23);
  return text;
}
void Write(std::span<std::byte> to, std::string_view text) { std::memcpy(to.data(), text.data(), text.size()); }
Bytes Lent(std::string_view text) {
  return Bytes::External(std::as_bytes(std::span(text)), [](void*) noexcept {}, nullptr);
}

TEST(BytesRoomTest, WritesInPlaceAfterItsContent) {
  Bytes bytes;
  std::span<std::byte> room = bytes.Prepare(10);
  ASSERT_GE(room.size(), 10);
  Write(room, "hello");
  bytes.Commit(3);
  EXPECT_TRUE(bytes == "hel");
  const std::span<std::byte> next = bytes.Prepare(10);
  EXPECT_EQ(next.data(), room.data() + 3) << "what was not committed comes again";
  bytes.Commit(2);
  EXPECT_TRUE(bytes == "hello");
  EXPECT_EQ(bytes.pieces().size(), 1);
  bytes.Commit(0);
  EXPECT_GE(bytes.Prepare(100'000).size(), 100'000) << "contiguous at any size";
}

TEST(BytesRoomTest, ASplitOffPartDoesNotStopTheReadBuffer) {
  Bytes buffer;
  Write(buffer.Prepare(20), "frame1frame2");
  const std::byte* const data = buffer.Prepare(1).data();
  buffer.Commit(12);
  const Bytes frame = buffer.Split(6);
  Write(buffer.Prepare(1), "!");
  buffer.Commit(1);
  EXPECT_TRUE(frame == "frame1");
  EXPECT_TRUE(buffer == "frame2!");
  EXPECT_EQ(frame.pieces()[0].data(), data);
  EXPECT_EQ(buffer.pieces()[0].data(), data + 6) << "still the same block";
}

TEST(BytesRoomTest, AnEmptiedBufferStartsItsBlockAnewOnceNobodySharesIt) {
  Bytes buffer;
  const std::byte* const data = buffer.Prepare(1).data();
  buffer.Commit(1000);
  Bytes frame = buffer.Split(1000);
  EXPECT_EQ(buffer.Prepare(1).data(), data + 1000) << "the frame still lies in front";
  EXPECT_NE(buffer.Prepare(kSmall).data(), data);
  frame.Clear();

  Bytes other;
  const std::byte* const start = other.Prepare(1).data();
  other.Commit(1000);
  frame = other.Split(1000);
  frame.Clear();
  EXPECT_EQ(other.Prepare(kSmall).data(), start);
  other.Commit(1000);
  other.RemovePrefix(1000);
  EXPECT_EQ(other.room(), kSmall);
}

TEST(BytesRoomTest, AppendAfterShareDoesNotShowInTheShare) {
  Bytes original("shared");
  Bytes shared = original.Share();
  original.Append(" and mine");
  shared.Append(" and yours");
  EXPECT_TRUE(original == "shared and mine");
  EXPECT_TRUE(shared == "shared and yours");
  EXPECT_EQ(original.pieces().size(), 1) << "the room stayed with the original";
  EXPECT_EQ(original.pieces()[0].data(), shared.pieces()[0].data());
}

TEST(BytesRoomTest, TheLastHolderMayWriteBehindItsContentAgain) {
  Bytes original(Pattern(100));
  Bytes shared = original.Share();
  original.Clear();
  shared.Append("tail");
  EXPECT_TRUE(shared == Pattern(100) + "tail");
  EXPECT_EQ(shared.pieces().size(), 1);
}

TEST(BytesRoomTest, WhatTheSuffixHeldIsOverwrittenOnlyIfNobodySharesIt) {
  Bytes mine("keep drop");
  mine.RemoveSuffix(5);
  mine.Append("next");
  EXPECT_TRUE(mine == "keepnext");
  EXPECT_EQ(mine.pieces().size(), 1);

  Bytes original("keep drop");
  const Bytes shared = original.Share();
  original.RemoveSuffix(5);
  original.Append("next");
  EXPECT_TRUE(original == "keepnext");
  EXPECT_TRUE(shared == "keep drop");
  EXPECT_EQ(original.pieces().size(), 2);
}

TEST(BytesRoomTest, AnObjectThatHoldsItsContentTwiceDoesNotOverwriteIt) {
  Bytes bytes(Pattern(1000));
  bytes.Append(bytes.Share());
  bytes.RemoveSuffix(500);
  bytes.Append("xyz");
  EXPECT_TRUE(bytes == Pattern(1000) + Pattern(500) + "xyz");
}

TEST(BytesRoomTest, LentMemoryIsNeverWritten) {
  const std::string lent = "lent text";
  Bytes bytes = Lent(lent);
  bytes.RemoveSuffix(5);
  bytes.Append(" more");
  bytes.RemovePrefix(2);
  bytes.Prepend("XX");
  EXPECT_EQ(lent, "lent text");
  EXPECT_TRUE(bytes == "XXnt more");
}

TEST(BytesRoomTest, LentMemoryIsGivenBackAfterTheLastPieceOfIt) {
  int released = 0;
  const std::string text = Pattern(1000);
  Bytes bytes = Bytes::External(
      std::as_bytes(std::span(text)), [](void* count) noexcept { ++*static_cast<int*>(count); }, &released);
  Bytes front = bytes.Split(10);
  bytes.Clear();
  EXPECT_EQ(released, 0);
  front.RemovePrefix(10);
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(Bytes::External({}, [](void* count) noexcept { ++*static_cast<int*>(count); }, &released).empty());
  EXPECT_EQ(released, 2) << "of nothing, at once";
}

TEST(BytesRoomTest, PrependsInPlaceIntoReservedHeadroom) {
  Bytes message;
  message.ReserveHeadroom(5);
  message.Append("payload");
  const std::byte* const data = message.pieces()[0].data();
  message.Prepend("12345");
  ASSERT_EQ(message.pieces().size(), 1);
  EXPECT_EQ(message.pieces()[0].data(), data - 5);
  EXPECT_TRUE(message == "12345payload");
}

TEST(BytesRoomTest, HeadroomSurvivesGrowthOfTheRoomAndSharing) {
  Bytes message;
  message.ReserveHeadroom(5);
  message.ReserveHeadroom(3);  // has more already
  static_cast<void>(message.Prepare(50'000));
  message.Append(Pattern(10'000));
  const Bytes shared = message.Share();
  message.Prepend("12345");
  EXPECT_EQ(message.pieces().size(), 1);
  EXPECT_TRUE(message == "12345" + Pattern(10'000));
  EXPECT_TRUE(shared == Pattern(10'000));
  message.Prepend("0");  // none left, and the slab is shared
  EXPECT_EQ(message.pieces().size(), 2);
  EXPECT_TRUE(message == "012345" + Pattern(10'000));
}

TEST(BytesRoomTest, HeadroomGoesWithTheFirstPart) {
  Bytes rest;
  rest.ReserveHeadroom(5);
  rest.Append("firstsecond");
  Bytes first = rest.Split(5);
  rest.Prepend("B");
  first.Prepend("A");
  EXPECT_TRUE(first == "Afirst");
  EXPECT_TRUE(rest == "Bsecond");
  EXPECT_EQ(first.pieces().size(), 1);
  EXPECT_EQ(rest.pieces().size(), 2);
}

TEST(BytesRoomTest, ReservedHeadroomIsUsedWithoutContentToo) {
  Bytes bytes;
  bytes.ReserveHeadroom(8);
  bytes.Prepend("ab");
  bytes.Prepend("cd");
  bytes.Append("ef");
  EXPECT_TRUE(bytes == "cdabef");
  EXPECT_EQ(bytes.pieces().size(), 1);
}

TEST(BytesRoomTest, PrependToSharedOrLentContentTakesAnotherBlockWithHeadroom) {
  Bytes bytes = Lent("body");
  bytes.Prepend("header ");
  ASSERT_EQ(bytes.pieces().size(), 2);
  bytes.Prepend("more ");
  EXPECT_EQ(bytes.pieces().size(), 2);
  EXPECT_TRUE(bytes == "more header body");
  bytes.Prepend(Pattern(100'000));
  EXPECT_TRUE(bytes == Pattern(100'000) + "more header body");
}

TEST(BytesRoomTest, HeadroomIsUsedToItsLastByteAndNotBeyond) {
  for (const std::size_t more : {kSmall - 10, kSmall - 9}) {
    Bytes bytes = Lent("body");
    bytes.Prepend("0123456789");
    const Bytes shared = bytes.Share();  // so that only what is known to be free counts
    bytes.Prepend(Pattern(more));
    EXPECT_EQ(bytes.pieces().size(), more == kSmall - 10 ? 2 : 3);
    EXPECT_TRUE(bytes == Pattern(more) + "0123456789body");
    EXPECT_TRUE(shared == "0123456789body");
  }
}

TEST(BytesRoomTest, APrefixThatNobodySharesBecomesHeadroom) {
  Bytes bytes("old header|body");
  const std::byte* const data = bytes.pieces()[0].data();
  bytes.RemovePrefix(11);
  bytes.Prepend("new header|");
  EXPECT_TRUE(bytes == "new header|body");
  EXPECT_EQ(bytes.pieces()[0].data(), data);
  const Bytes shared = bytes.Share();
  bytes.RemovePrefix(11);
  bytes.Prepend("three|");
  EXPECT_TRUE(shared == "new header|body");
  EXPECT_TRUE(bytes == "three|body");
}

}  // namespace
}  // namespace flywheel::inline v0
