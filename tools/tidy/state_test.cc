#include "tools/tidy/state.h"

#include <gtest/gtest.h>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

void Expect(const std::string& code, const std::string& path = "flywheel/base/x.cc") {
  ExpectMarked(CheckState, path, code);
}

TEST(StateTest, VariablesOfANamespace) {
  Expect(R"(
namespace flywheel::inline v0 {
int g_count = 0;                                   // <- state
static int file_count;                             // <- state
inline int shared = 1;                             // <- state
extern int elsewhere;                              // <- state
std::string name;                                  // <- state
std::vector<std::pair<int, int>> pairs{{1, 2}};    // <- state
std::map<int, std::string> table = {{1, "one"}};   // <- state
unsigned long long counter{0};                     // <- state
alignas(64) std::byte arena[4096];                 // <- state
constinit std::atomic<int> atomic{0};              // <- state
[[maybe_unused]] bool flag = true;                 // <- state
::flywheel::Status status;                         // <- state
const char* mutable_pointer = "text";              // <- state
const char* names[] = {"a", "b"};                  // <- state
auto lambda = [](int x) { return x; };             // <- state
auto [left, right] = Both();                       // <- state
int Klass::member_ = 0;                            // <- state
std::string Klass::text_("x");                     // <- state
template <typename T>
T variable_template = T();                         // <- state
Mutex mutex;                                       // <- state
struct Point { int x; } origin;                    // <- state
struct { int x; } nameless{};                      // <- state
enum class Mode { kOff, kOn } mode = Mode::kOff;   // <- state
decltype(1 + 1) typed = 2;                         // <- state
int x FW_GUARDED_BY(mutex) = 0;                    // <- state
void (*callback)(int) = nullptr;                   // <- state
int (&reference)[3] = array;                       // <- state
int (Klass::*method)(int, int);                    // <- state
extern struct Point elsewhere_too;                 // <- state
extern "C" int c_variable;                         // <- state
namespace { int hidden; }                          // <- state
extern "C" {
int c_block;                                       // <- state
}
}  // namespace
int after_the_namespace;                           // <- state
)");
}

TEST(StateTest, VariablesWithParenthesesAreNoFunctions) {
  Expect(R"(
std::string literal("x");           // <- state
Foo number(1);                      // <- state
Foo negative(-1);                   // <- state
Foo variable(other_thing);          // <- state
Foo constant(kLimit);               // <- state
Foo call(Make(1), 2);               // <- state
Foo call_of_lower(make(1), 2);      // <- state
Foo address(&other);                // <- state
Foo sum(a + b);                     // <- state
Foo null(nullptr, 1);               // <- state
Foo lambda([] { return 1; });       // <- state
Foo duration(std::chrono::seconds(5));  // <- state

Foo None();
Foo Named(int count, std::string_view text);
Foo Unnamed(int, Bar, size_t, std::string_view, const Baz&);
Foo References(Bar& bar, Baz&& baz, Qux* qux);
Foo Template(StatusOr<int>);
Foo Callback(std::function<void(int)> callback);
Foo Default(Bar bar = Bar(1), int count = 2);
Foo Pack(Args... args);
Foo Qualified(flywheel::Bar);
Foo PointerToFunction(void (*f)(int));
Foo Attribute([[maybe_unused]] int x);
Foo Struct(struct sockaddr* address);
)");
}

TEST(StateTest, WhatCannotChangeIsFine) {
  Expect(R"(
constexpr int kOne = 1;
inline constexpr Instant kNever = Instant::max();
const int kTwo = 2;
int const kThree = 3;
static const std::string kText = "text";
const std::vector<std::string> kList{"a", "b"};
constinit const int kFour = 4;
const char* const kName = "name";
char const* const kNames[] = {"a", "b"};
const char kArray[] = "array";
constexpr std::array<const char*, 2> kPointers = {"a", "b"};
constexpr auto kLambda = [](int x) { return x; };
const auto& kReference = kText;
int (*const kFunction)(int) = nullptr;
extern const int kElsewhere;
template <typename T>
constexpr bool kIs = false;
template <typename T, typename = std::enable_if_t<(sizeof(T) > 1)>>
inline constexpr bool kIsBig = true;
constexpr struct Tag { } kTag{};
const auto [kLeft, kRight] = Both();
)");
}

TEST(StateTest, ConstBehindAPointerOrInsideATemplateIsNotConst) {
  Expect(R"(
const int* pointer = nullptr;              // <- state
std::vector<const int> inside;             // <- state
std::array<const char*, 1> elements{};     // <- state
const int* const* twice = nullptr;         // <- state
Foo& reference = Get();                    // <- state
static Foo& leaked = *Make();              // <- state
const int* const fine = nullptr;
const int* const* const fine_too = nullptr;
)");
}

TEST(StateTest, DeclarationsThatAreNoVariables) {
  Expect(R"(
using Duration = std::chrono::nanoseconds;
typedef struct { int x; } Old;
namespace fs = std::filesystem;
class Forward;
struct Other;
enum class Color : std::uint8_t { kRed = 1, kGreen };
enum { kAnonymous = 3 };
static_assert(sizeof(int) == 4, "text");
template <typename T>
concept Small = requires(const T& t) { { t.size() } -> std::same_as<int>; };
template class std::vector<int>;
extern template class std::vector<long>;
template int Function<int>(int);
template <>
struct std::hash<Foo> {};
Foo(int) -> Foo<int>;
asm("nop");
void Function();
static int Static(int x) { return x; }
inline auto Trailing(int x) -> std::vector<int> { return {x}; }
int* Pointer(const char* text) noexcept { return nullptr; }
const std::string& Reference();
bool operator==(const Foo& a, const Foo& b);
Foo& operator<<(Foo& foo, int x) { return foo; }
std::strong_ordering operator<=>(const Foo&, const Foo&) = default;
Duration operator""_ms(unsigned long long count);
void* operator new(std::size_t size);
Klass::Klass(int a, int b) : a_(a), b_{b}, Base<int>(a), list_{{1, 2}, {3}} { Init(); }
Klass::~Klass() = default;
Klass::operator bool() const { return true; }
int Klass::Method() const& noexcept(true) { return a_; }
template <typename T>
  requires std::integral<T> && (sizeof(T) > 1) && requires(T t) { t + 1; }
T Constrained(T x) requires(!std::same_as<T, int>) { return x; }
template <typename T>
  requires Small<T> && requires(T t) { t + 1; }
class ConstrainedClass {};
template <typename T>
  requires Small<T>
class SimplyConstrainedClass {};
int (*ReturnsAFunction(int x))(int) { return nullptr; }
decltype(auto) Deduced() { return 1; }
[[nodiscard]] constexpr int Attribute() { return 1; }
FW_MACRO(something);
TEST(Suite, Name) { int x = 0; }
BENCHMARK(BM_Something)->Arg(1)->Arg(2);
RC_GTEST_PROP(Suite, Name, (int x, const std::string& y)) { RC_ASSERT(x == 1); }
INSTANTIATE_TEST_SUITE_P(A, B, testing::Values(1, 2));
extern "C" void c_function(int x);
extern "C" int c_main() { return 0; }
void Locked() FW_REQUIRES(mutex) { int x = 0; }
FW_BEGIN_SOMETHING(x)
void AfterAMacroWithoutSemicolon() { }
struct sockaddr* Elaborated(struct sockaddr_in* in);
;
)");
}

TEST(StateTest, AMacroWithoutSemicolonHidesNothing) {
  Expect(R"(
FW_EXPORTED(here)
int counter = 0;            // <- state
FW_VISIBLE int visible;     // <- state
)");
}

TEST(StateTest, StaticsOfFunctions) {
  Expect(R"(
int Next() {
  static int count = 0;                          // <- state
  static std::string cache;                      // <- state
  static Foo built(argument);                    // <- state
  static const char* text = "x";                 // <- state
  const static int* pointer = nullptr;           // <- state
  static std::once_flag once;                    // <- state
  static auto [a, b] = Both();                   // <- state
  [[maybe_unused]] static bool seen{false};      // <- state
  if (count > 0) { static int nested; }          // <- state
  for (int i = 0; i < 3; ++i) static int looped; // <- state
  switch (count) { case 1: static int labelled; }  // <- state
  static Foo& leak = *Make();                    // <- state
  auto f = [] { static int in_lambda; };         // <- state
  Call([&](int x) -> int { static int passed; return x; });  // <- state
  struct Local {
    static int Fine() { static int not_fine; return 1; }  // <- state
    static constexpr int kFine = 1;
    int member = 0;
  };
  static struct Local instance;                  // <- state
  static const int fine = 1;
  static constexpr std::array<int, 2> kFine = {1, 2};
  const static std::string also_fine = "x";
  static const auto& bound = Get();
  static constinit const int both = 1;
  static_assert(true);
  auto lambda = [](int x) static { return x; };
  auto arrow = [](int x) static noexcept(true) -> std::vector<int> { return {x}; };
  return static_cast<int>(count);
}
)");
}

TEST(StateTest, StaticsHideInInitializersAndConstructorsToo) {
  Expect(R"(
const auto kLambda = [] { static int a = 0; return a; };   // <- state
Klass::Klass() : f_([] { static int b = 0; return b; }) {  // <- state
  static int c;                                            // <- state
}
FW_TEST(name, [] { static int d; })                        // <- state
void WithDefault(std::function<int()> f = [] { static int e; return e; });  // <- state
TEST(Suite, Name) {
  static int f = 0;                                        // <- state
}
)");
}

TEST(StateTest, StaticMembers) {
  Expect(R"(
class FW_CAPABILITY("mutex") Klass final : public Base<int>, private std::vector<int> {
 public:
  static int count_;                             // <- state
  inline static std::string cache_;              // <- state
  static inline Foo built_{1};                   // <- state
  static std::atomic<int> atomic_;               // <- state
  static int (*hook_)(int);                      // <- state
  static const char* text_;                      // <- state
  static int guarded_ FW_GUARDED_BY(mutex_);     // <- state

  Klass() : member_(1) {}
  explicit Klass(int x) noexcept;
  ~Klass();
  static Klass Make(int x);
  static Klass Make();
  static Klass* Pointer(Klass* klass) noexcept { return klass; }
  static int operator()(int x) { return x; }
  static constexpr int kConstant = 1;
  static const int kOther;
  static const std::string& Name();
  static constexpr const char* kText = "x";
  friend bool operator==(const Klass&, const Klass&) = default;
  friend class Other;
  operator bool() const { return true; }
  Klass& operator=(const Klass&) = delete;
  using Base::Method;
  template <typename T>
  static T Generic(T x) { return x; }
  int bits_ : 3 = 1;
  int member_ = 0;
  mutable int cached_ = 0;
  std::atomic<int> counter_{0};
  std::function<int()> f_ = [] { static int hidden; return 1; };  // <- state
  union { int a; float b; };
  struct Nested { static int deep_; };           // <- state
  enum { kA, kB };
};
template <typename T>
  requires(sizeof(T) > 1)
struct Constrained { static int count_; };        // <- state
template <typename T>
  requires Small<T>
T constrained_variable = T();                    // <- state
struct stat info;                                // <- state
class FW_SCOPED_CAPABILITY Lock { Lock(int x); static int held_; };  // <- state
)",
         "flywheel/base/x.h");
}

TEST(StateTest, ThreadLocalsWhereverTheyAreAndEvenConst) {
  Expect(R"(
thread_local int a = 0;                          // <- state
extern constinit thread_local Slot slot;         // <- state
void F() { thread_local std::string b; }         // <- state
struct S { static thread_local int c; };         // <- state
thread_local const int d = 1;                    // <- state
#define SLOT thread_local int e                  /* <- state */
)");
}

TEST(StateTest, CommentsAndStringsAreNoCode) {
  Expect(R"x(
// int g_count = 0; static int x; thread_local int y;
/* int g_count = 0;
   static int x; */
const char* const kCode = "static int x; { thread_local int y;";
const char* const kRaw = R"(
int g_count = 0;
} static int x;
)";
const char kBrace = '{';
int really = 0;  // <- state
)x");
}

TEST(StateTest, LineContinuationsDoNotHideAndDoNotShiftLines) {
  Expect(
      "// a comment that goes on \\\nint not_code = 0;\nsta\\\ntic int spliced;  // <- state\nint x;  // <- state\n");
}

TEST(StateTest, MacroBodiesCount) {
  Expect(R"(
#define COUNTER(name) static int name##_count = 0  /* <- state */
#define CACHED(type, ...) \
  ([&]() -> type& {       \
    static type cache(__VA_ARGS__, 1); /* <- state */ \
    return cache;         \
  }())
#define FUNCTION(name) static int name(int x) { return x; }
#define CONSTANT(name) static constexpr int name = 1
)");
}

TEST(StateTest, BranchesThatShareABraceAreReadOneByOne) {
  Expect(R"(
namespace flywheel {
#ifdef WIDE
class Klass : public Wide {
#else
class Klass {
#endif
  int member = 0;
  static int count_;      // <- state
};
#if A
void F() {
  int local = 0;
#elif B
void F(int) {
  static int hidden = 0;  // <- state
#else
int only_here = 0;        // <- state
void F(long) {
#endif
  int shared_local = 0;
}
int after = 0;            // <- state
#if 0
int disabled = 0;
#endif
}  // namespace flywheel
)");
}

TEST(StateTest, OnlyTheThreadSlotIsExempt) {
  const std::string code = "constinit thread_local ThreadSlot thread_slot;\n";
  ExpectMarked(CheckState, "flywheel/base/thread_slot.cc", code);
  ExpectMarked(CheckState, "flywheel/base/thread_slot.h", "extern " + code);
  Expect("constinit thread_local ThreadSlot thread_slot;  // <- state\n", "flywheel/runtime/thread_slot.cc");
}

TEST(StateTest, TestsAreNotExempt) {
  Expect("static int calls = 0;  // <- state\nTEST(A, B) { ++calls; }\n", "flywheel/base/x_test.cc");
  Expect("static int calls = 0;  // <- state\n", "bench/x.cc");
}

TEST(StateTest, AnAllocatorHasNobodyToAskForItsState) {
  const std::string of_new = "std::atomic<int> count{0};\nvoid* operator new(std::size_t size) { return Get(size); }\n";
  const std::string of_malloc =
      "thread_local int count;\nextern \"C\" {\nvoid* malloc(std::size_t n) { return Get(n); }\n}\n";
  ExpectMarked(CheckState, "flywheel/base/x_test.cc", of_new);
  ExpectMarked(CheckState, "bench/allocations.cc", of_malloc);
  // Not where it ships, not for a declaration, and not for a class's own operator.
  Expect("std::atomic<int> count{0};  // <- state\nvoid* operator new(std::size_t size) { return Get(size); }\n");
  Expect("int count;  // <- state\nvoid* malloc(std::size_t n);\n", "bench/x.cc");
  Expect("int count;  // <- state\nstruct S { void* operator new(std::size_t n) { return Get(n); } };\n", "bench/x.cc");
}

TEST(StateTest, NoCommentSilencesIt) { Expect("static int count = 0;  // tidy: it is really needed here <- state\n"); }

TEST(StateTest, BrokenCodeIsReadToItsEnd) {
  Expect("} } ) ;\nint x = 0;  // <- state\nvoid F( {\n");
  Expect("int a < b;  // <- state\nint c = 0;  // <- state\n");
  Expect("template <");
  Expect("class X : ");
  Expect("void F() { static");
  Expect("operator");
  Expect("requires requires (");
}

}  // namespace
}  // namespace flywheel::tidy
