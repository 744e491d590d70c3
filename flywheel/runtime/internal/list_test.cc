#include "flywheel/runtime/internal/list.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace flywheel::inline v0::internal {
namespace {

struct FirstTag;
struct SecondTag;
struct Item : ListNode<FirstTag>, ListNode<SecondTag> {
  explicit Item(int id) : number(id) {}
  int number;
};

template <typename Tag>
std::vector<int> Numbers(const List<Item, Tag>& list) {
  std::vector<int> numbers;
  list.ForEach([&](const Item& item) { numbers.push_back(item.number); });
  return numbers;
}

TEST(ListTest, MembersLeaveFromAnywhereByThemselves) {
  List<Item, FirstTag> list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.PopFront(), nullptr);
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 5; ++i) list.PushBack(*items.emplace_back(std::make_unique<Item>(i)));
  items[2].reset();
  items[4]->ListNode<FirstTag>::Unlink();
  items[4]->ListNode<FirstTag>::Unlink();  // once more is no harm
  EXPECT_FALSE(items[4]->ListNode<FirstTag>::linked());
  EXPECT_EQ(Numbers(list), (std::vector<int>{0, 1, 3}));
  EXPECT_EQ(list.PopFront(), items[0].get());
  list.PushBack(*items[0]);
  list.PushBack(*items[4]);
  EXPECT_EQ(Numbers(list), (std::vector<int>{1, 3, 0, 4}));
}

TEST(ListTest, OneObjectMayBeInSeveral) {
  List<Item, FirstTag> first;
  List<Item, SecondTag> second;
  Item a(1);
  Item b(2);
  first.PushBack(a);
  first.PushBack(b);
  second.PushBack(b);
  second.PushBack(a);
  a.ListNode<FirstTag>::Unlink();
  EXPECT_EQ(Numbers(first), (std::vector<int>{2}));
  EXPECT_EQ(Numbers(second), (std::vector<int>{2, 1}));
}

TEST(ListTest, ListThatGoesLetsItsMembersGo) {
  Item item(1);
  {
    List<Item, FirstTag> list;
    list.PushBack(item);
  }
  EXPECT_FALSE(item.ListNode<FirstTag>::linked());
}

TEST(ListTest, FindsTheNewestMatch) {
  List<const Item, FirstTag> list;
  const Item a(1);
  const Item b(2);
  const Item c(3);
  list.PushBack(a);
  list.PushBack(b);
  list.PushBack(c);
  EXPECT_EQ(list.FindLast([](const Item& item) { return item.number < 3; }), &b);
  EXPECT_EQ(list.FindLast([](const Item& item) { return item.number > 3; }), nullptr);
}

}  // namespace
}  // namespace flywheel::inline v0::internal
