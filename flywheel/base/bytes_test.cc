#include "flywheel/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flywheel/base/internal/allocation_count.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {
namespace {

static_assert(!std::is_copy_constructible_v<Bytes> && !std::is_copy_assignable_v<Bytes>);
static_assert(std::is_nothrow_move_constructible_v<Bytes> && std::is_nothrow_move_assignable_v<Bytes>);

constexpr std::size_t kSmall = Slab::CapacityFor(1);

std::string Pattern(std::size_t size, char first = 'a') {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i % 23);
  return text;
}
std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes Lent(std::string_view text) {
  return Bytes::External(std::as_bytes(std::span(text)), [](void*) noexcept {}, nullptr);
}
// Several pieces, each of memory of its own.
Bytes Chain(std::initializer_list<std::string_view> texts) {
  Bytes chain;
  for (const std::string_view text : texts) chain.Append(Lent(text));
  return chain;
}

TEST(BytesTest, StartsEmptyAndFree) {
  const std::uint64_t before = internal::AllocationCount();
  Bytes bytes;
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.size(), 0);
  EXPECT_TRUE(bytes.pieces().empty());
  EXPECT_EQ(bytes.room(), 0);
  EXPECT_TRUE(bytes == "");
  EXPECT_TRUE(bytes.Flatten().empty());
  bytes.Append("");
  bytes.Prepend("");
  bytes.RemovePrefix(0);
  bytes.RemoveSuffix(0);
  EXPECT_TRUE(bytes.Split(0).empty());
  EXPECT_TRUE(bytes.Share().empty());
  EXPECT_EQ(internal::AllocationCount(), before);
}

TEST(BytesTest, SmallAppendsGoIntoOnePiece) {
  Bytes bytes;
  for (int i = 0; i < 100; ++i) bytes.Append("0123456789");
  EXPECT_EQ(bytes.size(), 1000);
  EXPECT_EQ(bytes.pieces().size(), 1);
  EXPECT_EQ(bytes.room(), kSmall - 1000);
}

TEST(BytesTest, ALargeAppendFillsTheRoomAndThenTakesLargerBlocks) {
  Bytes bytes("x");
  const std::string text = Pattern(200'000);
  bytes.Append(text);
  EXPECT_TRUE(bytes == "x" + text);
  EXPECT_EQ(bytes.pieces()[0].size(), kSmall);
  EXPECT_EQ(bytes.pieces()[1].size(), kSlabPooledBytesMax);
  EXPECT_EQ(bytes.pieces().size(), 4);
}

TEST(BytesTest, MovingMovesContentAndRoom) {
  Bytes from("content");
  const std::byte* const data = from.pieces()[0].data();
  const std::size_t room = from.room();
  Bytes to = std::move(from);
  // NOLINTBEGIN(bugprone-use-after-move): the state is promised
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.room(), 0);
  from.Append("used again");
  EXPECT_TRUE(from == "used again");
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(to.pieces()[0].data(), data);
  EXPECT_EQ(to.room(), room);
  Bytes& same = to;
  to = std::move(same);
  EXPECT_TRUE(to == "content");
  to = std::move(from);
  EXPECT_TRUE(to == "used again");
}

TEST(BytesTest, JoiningLinksLargePiecesAndCopiesSmallOnesThatFit) {
  const std::string large = Pattern(Bytes::kCoalesceBytes + 1);
  const std::string small = Pattern(Bytes::kCoalesceBytes);
  Bytes bytes("head");
  bytes.Append(Lent(large));
  ASSERT_EQ(bytes.pieces().size(), 2);
  EXPECT_EQ(static_cast<const void*>(bytes.pieces()[1].data()), large.data());
  bytes.Append(Lent(small));
  ASSERT_EQ(bytes.pieces().size(), 3);
  EXPECT_NE(static_cast<const void*>(bytes.pieces()[2].data()), small.data());
  EXPECT_EQ(bytes.pieces()[2].data(), bytes.pieces()[0].data() + 4) << "copied into the room behind the head";
  bytes.Append(Lent(small));
  EXPECT_EQ(bytes.pieces().size(), 3);
  EXPECT_TRUE(bytes == "head" + large + small + small);
}

TEST(BytesTest, JoiningWithoutRoomLinksSmallPiecesToo) {
  Bytes bytes = Lent("abc");
  bytes.Append(Lent("def"));
  EXPECT_EQ(bytes.pieces().size(), 2);
  EXPECT_TRUE(bytes == "abcdef");
}

TEST(BytesTest, JoiningWhatWasSplitGivesOnePieceAgain) {
  Bytes back(Pattern(3000));
  const std::byte* const data = back.pieces()[0].data();
  Bytes front = back.Split(1000);
  front.Append(std::move(back));
  ASSERT_EQ(front.pieces().size(), 1);
  EXPECT_EQ(front.pieces()[0].data(), data);
  EXPECT_TRUE(front == Pattern(3000));
  EXPECT_EQ(front.room(), kSmall - 3000) << "the larger room stays";
}

TEST(BytesTest, SplitsAtAndBetweenPieces) {
  const std::string all = "abcdefghi";
  for (std::size_t at = 0; at <= all.size(); ++at) {
    Bytes rest = Chain({"abc", "def", "ghi"});
    const Bytes front = rest.Split(at);
    EXPECT_TRUE(front == all.substr(0, at)) << at;
    EXPECT_TRUE(rest == all.substr(at)) << at;
  }
}

TEST(BytesTest, RemovesFromBothEndsAcrossPieces) {
  for (std::size_t front = 0; front <= 9; ++front) {
    for (std::size_t back = 0; back + front <= 9; ++back) {
      Bytes bytes = Chain({"abc", "def", "ghi"});
      bytes.RemovePrefix(front);
      bytes.RemoveSuffix(back);
      EXPECT_TRUE(bytes == std::string("abcdefghi").substr(front, 9 - front - back)) << front << " " << back;
    }
  }
}

TEST(BytesTest, SharesAnyPart) {
  const Bytes bytes = Chain({"abc", "def", "ghi"});
  for (std::size_t offset = 0; offset <= 9; ++offset) {
    for (std::size_t size = 0; size + offset <= 9; ++size) {
      EXPECT_TRUE(bytes.Share(offset, size) == std::string("abcdefghi").substr(offset, size));
    }
  }
}

TEST(BytesTest, CopiesOut) {
  const Bytes bytes = Chain({"abc", "def", "ghi"});
  EXPECT_EQ(bytes.ToString(), "abcdefghi");
  std::array<std::byte, 12> all{};
  bytes.CopyTo(all);
  EXPECT_EQ(Text(std::span(all).first(9)), "abcdefghi");
  EXPECT_EQ(all[9], std::byte{0});
  std::array<std::byte, 5> some{};
  bytes.CopyOut(2, some);
  EXPECT_EQ(Text(some), "cdefg");
  bytes.CopyOut(9, {});
}

TEST(BytesTest, FlattenCopiesOnlyIfItMust) {
  Bytes one = Lent("single");
  const std::byte* const data = one.pieces()[0].data();
  EXPECT_EQ(one.Flatten().data(), data);
  Bytes many = Chain({"abc", "def", "ghi"});
  EXPECT_EQ(Text(many.Flatten()), "abcdefghi");
  EXPECT_EQ(many.pieces().size(), 1);
  many.Append("!");
  EXPECT_EQ(many.pieces().size(), 1) << "what the block has left is room";
  EXPECT_TRUE(many == "abcdefghi!");
}

TEST(BytesTest, DescribesItselfToWritev) {
  const Bytes bytes = Chain({"abc", "def", "ghi"});
  std::array<iovec, 2> two;
  ASSERT_EQ(bytes.FillIovec(two), 2);
  EXPECT_EQ(two[0].iov_base, bytes.pieces()[0].data());
  EXPECT_EQ(two[0].iov_len, 3);
  ASSERT_EQ(bytes.FillIovec(two, 4), 2);
  EXPECT_EQ(static_cast<const std::byte*>(two[0].iov_base), bytes.pieces()[1].data() + 1);
  EXPECT_EQ(two[0].iov_len, 2);
  EXPECT_EQ(two[1].iov_len, 3);
  EXPECT_EQ(bytes.FillIovec(two, 6), 1);
  EXPECT_EQ(bytes.FillIovec(two, 9), 0);
  EXPECT_EQ(bytes.FillIovec({}, 0), 0);
}

TEST(BytesTest, ComparesContentHoweverItIsCut) {
  EXPECT_TRUE(Chain({"ab", "cdef"}) == Chain({"abcd", "e", "f"}));
  EXPECT_FALSE(Chain({"ab", "cdef"}) == Chain({"abcd", "e", "g"}));
  EXPECT_FALSE(Chain({"ab", "cdef"}) == Chain({"abcd", "e"}));
  EXPECT_FALSE(Chain({"ab", "cd"}) == "abc");
  EXPECT_FALSE(Chain({"ab", "cd"}) == "abcx");
  EXPECT_TRUE(Bytes() == Bytes());
}

TEST(BytesTest, HoldsManyPiecesInOrderFromBothEnds) {
  Bytes bytes;
  std::string expected;
  std::vector<std::string> texts;
  texts.reserve(400);
  for (int i = 0; i < 200; ++i) {
    bytes.Append(Lent(texts.emplace_back(std::to_string(i) + ",")));
    expected += texts.back();
    texts.push_back(Pattern(i % 5 == 0 ? 5000 : 3));
    bytes.Prepend(texts.back());
    expected.insert(0, texts.back());
    if (i % 3 == 0) {
      bytes.RemovePrefix(2);
      expected.erase(0, 2);
    }
    ASSERT_TRUE(bytes == expected) << i;
  }
}

TEST(BytesTest, AClearedObjectIsAsGoodAsNew) {
  Bytes bytes;
  bytes.ReserveHeadroom(5);
  const std::string large = Pattern(1000);
  for (int i = 0; i < 20; ++i) bytes.Append(Lent(large));
  bytes.Clear();
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.room(), 0);
  bytes.Append("new");
  bytes.Prepend("a ");
  EXPECT_TRUE(bytes == "a new");
}

TEST(BytesTest, FromSlabHoldsAPartOfAFilledSlab) {
  SlabRef slab = Slab::Allocate(10);
  std::memcpy(slab->data(), "0123456789", 10);
  const Bytes a = Bytes::FromSlab(slab.Share(), 0, 4);
  Bytes b = Bytes::FromSlab(std::move(slab), 4, 6);
  b.RemoveSuffix(2);
  b.Append("xx");
  EXPECT_TRUE(a == "0123");
  EXPECT_TRUE(b == "4567xx");
}

TEST(BytesTest, SteadyReadSplitConsumeAndWriteDoNotAllocate) {
  SlabPool pool;
  thread_slot.slabs = &pool;
  {
    Bytes input;
    Bytes output;
    Bytes kept;
    const auto turn = [&](std::size_t size) {
      std::memset(input.Prepare(4096).data(), 'x', 900);
      input.Commit(900);
      Bytes frame = input.Split(std::min(size, input.size()));
      output.ReserveHeadroom(5);
      output.Append("reply to ");
      output.Append(frame.Share());
      output.Prepend("12345");
      std::array<iovec, 4> entries;
      ASSERT_GE(output.FillIovec(entries), 1);
      output.RemovePrefix(output.size());
      kept = std::move(frame);
      if (input.size() > 3000) input.RemovePrefix(input.size());
    };
    for (std::size_t i = 0; i < 100; ++i) turn(i * 13 % 1000);
    const std::uint64_t before = internal::AllocationCount();
    for (std::size_t i = 0; i < 10'000; ++i) turn(i * 13 % 1000);
    EXPECT_EQ(internal::AllocationCount(), before);
  }
  thread_slot.slabs = nullptr;
}

TEST(BytesDeathTest, EveryBoundIsCheckedWithItsState) {
  Bytes bytes("12345");
  std::array<std::byte, 6> out;
  EXPECT_DEATH(static_cast<void>(bytes.Split(6)), "Split\\(6\\) of 5 bytes");
  EXPECT_DEATH(bytes.RemovePrefix(6), "RemovePrefix\\(6\\) of 5 bytes");
  EXPECT_DEATH(bytes.RemoveSuffix(6), "RemoveSuffix\\(6\\) of 5 bytes");
  EXPECT_DEATH(static_cast<void>(bytes.Share(5, 1)), "Share\\(5, 1\\) of 5 bytes");
  EXPECT_DEATH(static_cast<void>(bytes.Share(6, 0)), "Share\\(6, 0\\) of 5 bytes");
  EXPECT_DEATH(static_cast<void>(bytes.Share(1, SIZE_MAX)), "of 5 bytes");
  EXPECT_DEATH(bytes.CopyOut(0, out), "CopyOut\\(0, 6\\) of 5 bytes");
  EXPECT_DEATH(bytes.CopyTo(std::span(out).first(4)), "CopyTo\\(4\\) of 5 bytes");
  EXPECT_DEATH(static_cast<void>(bytes.FillIovec({}, 6)), "FillIovec from 6 of 5 bytes");
  EXPECT_DEATH(bytes.Commit(kSmall), "with a room of 4027; Prepare\\(\\) it first");
  EXPECT_DEATH(bytes.ReserveHeadroom(1), "in front of 5 bytes");
  EXPECT_DEATH(static_cast<void>(bytes.Prepare(SIZE_MAX)), "cannot exist");
  Bytes& same = bytes;
  EXPECT_DEATH(bytes.Append(std::move(same)), "appended to itself");
  EXPECT_DEATH(static_cast<void>(Bytes::FromSlab(Slab::Allocate(1), kSmall, 1)), "1 bytes at 4032 of a slab of 4032");
}

}  // namespace
}  // namespace flywheel::inline v0
