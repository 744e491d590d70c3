#include "bench/echo/pattern.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace flywheel::bench::echo {
namespace {

std::vector<unsigned char> Bytes(std::uint64_t stream, std::uint64_t offset, std::size_t size) {
  std::vector<unsigned char> bytes(size);
  FillPattern(stream, offset, bytes);
  return bytes;
}

RC_GTEST_PROP(PatternProperty, APieceIsThatPartOfTheWholeWhereverItIsCut, ()) {
  const auto stream = *rc::gen::arbitrary<std::uint64_t>();
  const auto size = *rc::gen::inRange<std::size_t>(1, 300);
  const auto begin = *rc::gen::inRange<std::size_t>(0, size);
  const auto end = *rc::gen::inRange(begin, size + 1);
  const auto base = *rc::gen::element<std::uint64_t>(0, 5, 1ULL << 33);
  const std::vector<unsigned char> whole = Bytes(stream, base, size);
  const std::vector<unsigned char> piece = Bytes(stream, base + begin, end - begin);
  RC_ASSERT(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<std::ptrdiff_t>(begin)));
  RC_ASSERT(MatchesPattern(stream, base + begin, piece));
}

RC_GTEST_PROP(PatternProperty, ASingleWrongBitIsSeen, ()) {
  const auto offset = *rc::gen::inRange<std::uint64_t>(0, 1000);
  std::vector<unsigned char> bytes = Bytes(7, offset, *rc::gen::inRange<std::size_t>(1, 200));
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] ^= static_cast<unsigned char>(1 << *rc::gen::inRange(0, 8));
  RC_ASSERT(!MatchesPattern(7, offset, bytes));
}

TEST(PatternTest, LostRepeatedAndForeignBytesAreSeen) {
  const std::vector<unsigned char> bytes = Bytes(1, 0, 64);
  EXPECT_TRUE(MatchesPattern(1, 0, bytes));
  EXPECT_FALSE(MatchesPattern(1, 1, bytes)) << "a byte was lost";
  EXPECT_FALSE(MatchesPattern(1, 64, bytes)) << "a message came twice";
  EXPECT_FALSE(MatchesPattern(2, 0, bytes)) << "another connection's";
}

TEST(PatternTest, WordsOfAllStreamsDiffer) {
  std::set<std::vector<unsigned char>> seen;
  for (std::uint64_t stream = 0; stream < 100; ++stream) {
    for (std::uint64_t word = 0; word < 100; ++word) seen.insert(Bytes(stream, word * 8, 8));
  }
  EXPECT_EQ(seen.size(), 100U * 100U);
}

}  // namespace
}  // namespace flywheel::bench::echo
