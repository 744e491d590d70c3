#include "tools/tidy/bans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

void Expect(const std::string& code, const std::string& path = "flywheel/base/x.cc") {
  ExpectMarked(CheckBans, path, code);
}

std::set<std::string> RulesIn(const std::string& path, const std::string& code) {
  const File file(path, code);
  Findings findings;
  CheckBans(file, findings);
  std::set<std::string> rules;
  for (const Finding& finding : findings) rules.insert(std::string(finding.rule));
  return rules;
}

// A statement that uses the pattern: what it lists, closed where it opens a call.
std::string CodeOf(std::string_view pattern) {
  std::string text(pattern);
  std::string code;
  if (text.starts_with('<')) return "#include " + text + "\n";
  if (text.starts_with(".")) code = "object";
  if (text.starts_with("::")) code = "std::chrono::steady_clock";
  for (const char c : text) {
    if (c != ' ' || text.starts_with("using")) code.push_back(c);
  }
  if (std::ranges::count(text, '(') > std::ranges::count(text, ')')) code += ", 1)";
  if (text.starts_with("std :: m") || text.ends_with("engine") || text.contains("ranlux") || text == "std :: knuth_b") {
    code += " name";
  }
  if (text == "new") code += " Foo";
  if (text == "delete") code += " pointer";
  if (text.starts_with("using")) code += " other";
  return code + ";\n";
}

TEST(BanTableTest, EveryPatternIsCaughtInCodeAndNowhereElse) {
  int patterns = 0;
  for (const Ban& ban : BanTable()) {
    std::string_view rest = ban.patterns;
    while (!rest.empty()) {
      const std::size_t end = rest.find(" | ");
      const std::string code = CodeOf(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 3);
      ++patterns;
      SCOPED_TRACE(code);
      const std::string rule(ban.rule);
      EXPECT_TRUE(RulesIn("flywheel/net/x.h", code).contains(rule));
      if (code.starts_with("#")) continue;
      EXPECT_TRUE(RulesIn("flywheel/net/x.h", "void F() {\n  " + code + "}\n").contains(rule));
      EXPECT_TRUE(RulesIn("flywheel/net/x.h", "#define M() \\\n  " + code).contains(rule));
      EXPECT_TRUE(RulesIn("flywheel/net/x.h", "#if 0\n" + code + "#endif\n").contains(rule));
      EXPECT_EQ(RulesIn("flywheel/net/x.h", "// " + code), std::set<std::string>());
      EXPECT_EQ(RulesIn("flywheel/net/x.h", "/* " + code + "*/"), std::set<std::string>());
      EXPECT_EQ(RulesIn("flywheel/net/x.h", "auto text = R\"(" + code + ")\";"), std::set<std::string>());
    }
  }
  EXPECT_GT(patterns, 80);
}

TEST(BanTableTest, EveryRowSaysWhyAndWhatInstead) {
  std::set<std::string_view> rules;
  for (const Ban& ban : BanTable()) {
    EXPECT_TRUE(rules.insert(ban.rule).second) << ban.rule << " has two rows";
    EXPECT_GT(ban.why.size(), 10U) << ban.rule;
    EXPECT_GT(ban.instead.size(), 5U) << ban.rule;
  }
}

TEST(BansTest, SleepingWhereverItIsSpelled) {
  Expect(R"(
void F() {
  sleep(1);                                                 // <- sleep
  ::sleep(1);                                               // <- sleep
  std::this_thread::sleep_for(std::chrono::seconds(1));     // <- sleep
  this_thread::sleep_until(then);                           // <- sleep
  return usleep(1);                                         // <- sleep
  if (true) nanosleep(&a, &b);                              // <- sleep
  auto x = ready ? 0 : ::usleep(5);                         // <- sleep
  std::this_thread::sleep_for                               // <- sleep
      (one);
  ::poll(nullptr, 0, 100);                                  // <- sleep
  ::poll(descriptors.data(), 1, 100);
  clock.sleep(1);
  clock->sleep(1);
  Clock::sleep(1);
  Sleep(1);
  sleeper(1);
}
)");
}

TEST(BansTest, ANameThatTheFileDeclaresIsItsOwn) {
  Expect(R"(
struct S {
  virtual Task<> usleep(int seconds);
  const Duration& rand();
  std::vector<Duration> nanosleep(int seconds) const;
  Duration* srand(int seconds);
};
auto sleep = [](int seconds) { return Sleep(seconds); };
Task<> F() {
  co_await sleep(1);
  G(usleep(1), rand(), nanosleep(1), srand(1));
  ::sleep(1);                      // <- sleep
  std::this_thread::sleep_for(1);  // <- sleep
}
)");
  Expect("int F(int x) { return x * sleep(1); }  // <- sleep\n");
}

TEST(BansTest, TestsMayNotSleepEither) {
  Expect("TEST(A, B) { std::this_thread::sleep_for(1ms); }  // <- sleep\n", "flywheel/base/x_test.cc");
  Expect("void F() { ::usleep(1); }  // <- sleep\n", "bench/x.cc");
}

TEST(BansTest, ClocksOutsideOfTheClock) {
  const std::string code = R"(
auto a = std::chrono::steady_clock::now();   // <- clock
auto b = Clock::now();                       // <- clock
auto c = &std::chrono::system_clock::now;    // <- clock
int d = clock_gettime(CLOCK_MONOTONIC, &t);  // <- clock
auto e = time(nullptr);                      // <- clock
auto f = std::time(0);                       // <- clock
auto g = ::time(&seconds);                   // <- clock
auto h = loop->now();
auto i = clock.now();
Instant now() const { return now_; }
Instant VirtualClock::now() const noexcept { return now_; }
Instant VirtualClock::now() { return now_; }
Span(Duration time) : time(time) {}
using time_point = Line::time_point;
)";
  Expect(code, "flywheel/runtime/loop.cc");
  Expect(code, "flywheel/runtime/clock_test.cc");
  for (const char* const path : {"flywheel/runtime/clock.cc", "bench/x.cc", "tools/x.cc", "flywheel/base/x_bench.cc"}) {
    EXPECT_EQ(RulesIn(path, code), std::set<std::string>()) << path;
  }
}

TEST(BansTest, RandomnessOutsideOfTheRandom) {
  const std::string code = R"(
std::random_device device;     // <- random
int x = rand() % 6;            // <- random
srand(1);                      // <- random
getrandom(buffer, 8, 0);       // <- random
Random& random() const;
random->rand();
)";
  Expect(code);
  Expect(code, "flywheel/runtime/random_test.cc");
  EXPECT_EQ(RulesIn("flywheel/runtime/random.cc", code), std::set<std::string>());
}

TEST(BansTest, EnginesWithASeedOfTheirOwn) {
  const std::string code = R"(
std::mt19937 a;                  // <- seed
std::mt19937_64 b{};             // <- seed
std::mt19937 c(42);              // <- seed
std::mt19937_64 d{42U};          // <- seed
auto e = std::mt19937();         // <- seed
std::minstd_rand f{1};           // <- seed
std::mt19937 engine_{7};         // <- seed
std::mt19937 engine_;
std::mt19937 g(seed);
std::mt19937 h{options.seed};
void F(std::mt19937& engine);
std::uniform_int_distribution<std::mt19937::result_type> i;
)";
  Expect(code);
  EXPECT_EQ(RulesIn("flywheel/base/x_test.cc", code), std::set<std::string>());
  EXPECT_EQ(RulesIn("bench/x.cc", code), std::set<std::string>());
}

TEST(BansTest, RawNewAndDelete) {
  Expect(R"(
#include <new>
auto* a = new Foo(1);                             // <- new
auto* b = new (std::nothrow) Foo(1);              // <- new
auto* c = ::new Foo;                              // <- new
auto* d = new Foo[3];                             // <- new
auto* e = new (std::align_val_t(64)) Foo;         // <- new
auto* f = ::operator new(64);                     // <- new
F(operator new[](64));                            // <- new
delete a;                                         // <- delete
delete[] d;                                       // <- delete
::operator delete(f, 64);                         // <- delete
auto* g = new (place) Foo(1);
auto* h = ::new (static_cast<void*>(&storage)) Foo;
Foo(const Foo&) = delete;
void F(int) = delete("reason");
void* operator new(std::size_t size);
static void* operator new[](std::size_t size, std::align_val_t) { return Get(size); }
void operator delete(void* memory) noexcept;
void operator delete[](void* memory, std::size_t) noexcept {}
using Base::operator new;
int renew = newest;
)");
}

TEST(BansTest, LocksThatTheCompilerCannotSee) {
  const std::string code = R"(
std::mutex a;                            // <- mutex
std::lock_guard<std::mutex> lock(a);     // <- mutex
std::shared_mutex b;                     // <- mutex
std::condition_variable_any c;           // <- mutex
using std::unique_lock;                  // <- mutex
pthread_mutex_t d;                       // <- mutex
flywheel::Mutex e;
MutexLock lock(e);
other::mutex f;
)";
  Expect(code);
  Expect(code, "flywheel/base/x_test.cc");
  EXPECT_EQ(RulesIn("flywheel/base/mutex.h", code), std::set<std::string>());
}

TEST(BansTest, ThreadsThatNobodyJoins) {
  Expect(R"(
std::thread([] {}).detach();             // <- detach
thread->detach();                        // <- detach
pthread_detach(thread);                  // <- detach
auto f = std::async(F);                  // <- detach
node.Detach();
list.detach(node);
void detach();
)");
}

TEST(BansTest, TheEnvironmentOutsideOfTheEnvironment) {
  const std::string code =
      "auto* a = std::getenv(\"HOME\");  // <- environment\nsetenv(\"A\", \"b\", 1);  // <- environment\n";
  Expect(code);
  EXPECT_EQ(RulesIn("flywheel/runtime/environment.cc", code), std::set<std::string>());
  EXPECT_EQ(RulesIn("tools/tidy/x_test.cc", code), std::set<std::string>());
}

TEST(BansTest, StandardOutputInARoom) {
  const std::string code = R"(
printf("%d", 1);                    // <- stdout
std::printf("%d", 1);               // <- stdout
std::cout << 1;                     // <- stdout
fprintf(stdout, "x");               // <- stdout
::write(STDOUT_FILENO, "x", 1);     // <- stdout
fprintf(stderr, "x");
snprintf(buffer, 3, "x");
writer.puts("x");
)";
  Expect(code, "flywheel/base/x.h");
  for (const char* const path : {"flywheel/base/x_test.cc", "apps/x.cc", "bench/x.cc", "tools/x.cc"}) {
    EXPECT_EQ(RulesIn(path, code), std::set<std::string>()) << path;
  }
}

TEST(BansTest, VolatileButNotAssembler) {
  Expect(
      "volatile int x;  // <- volatile\nvoid F() { asm volatile(\"\" : : : \"memory\"); }\n__asm__ volatile(\"\");\n");
}

TEST(BansTest, NamespacesOpenedInHeadersOnly) {
  Expect("void F() { using namespace std::chrono_literals; }  // <- using-namespace\n", "flywheel/base/x.h");
  Expect("using namespace std::chrono_literals;\n", "flywheel/base/x.cc");
  Expect("using std::string;\nnamespace a = b;\n", "flywheel/base/x.h");
}

TEST(BansTest, ExceptionsOfARoom) {
  const std::string code = "void F() { throw Error(); }  // <- throw\nvoid G() noexcept(true);\nint rethrow;\n";
  Expect(code);
  EXPECT_EQ(RulesIn("flywheel/base/x_test.cc", code), std::set<std::string>());
  EXPECT_EQ(RulesIn("examples/echo/main.cc", code), std::set<std::string>());
}

TEST(BansTest, AssertsThatVanish) {
  Expect(
      "#include <cassert>  // <- assert\nvoid F() { assert(x); }  // <- assert\nstatic_assert(true);\nRC_ASSERT(x);\n");
}

TEST(BansTest, HeavyIncludesInHeadersOnly) {
  Expect("#include <iostream>  // <- heavy-include\n#if X\n#  include <regex>  // <- heavy-include\n#endif\n", "a/x.h");
  Expect("#include <iostream>\n", "a/x.cc");
  Expect("#include <iosfwd>\n#include \"iostream\"\n", "a/x.h");
}

TEST(BansTest, ACallThatALineContinuationCutsIsFound) {
  const File file("x.cc",
                  "#define NAP() \\\n  do { usl\\\neep(1); } while (0)\nvoid F() { slee\\\np(1); }\n"
                  "// a comment \\\nusleep(1);\n");
  Findings findings;
  CheckBans(file, findings);
  EXPECT_EQ(PlacesOf(findings), (Places{{2, "sleep"}, {4, "sleep"}}));
}

TEST(BansTest, AReasonSilencesItsLine) {
  Expect(R"(
auto* a = new Foo;  // tidy: the reference count owns it
auto* b = new Foo;  /* tidy: the reference count owns it */
// tidy: the reference count owns it, and this line is long
auto* c = new Foo;
auto* d = new Foo;  // <- new
std::mutex e; auto* f = new Foo;  // tidy: both are here for a reason
#define MAKE() \
  new Foo /* tidy: a macro has no line comments */
)");
}

TEST(BansTest, AnEmptyReasonDoesNotCount) {
  for (const char* const comment : {"// tidy:", "// tidy: ", "// tidy: because", "// tidy: see above",
                                    "// tidy: a b c d", "// tidy: - - - 1 2 3"}) {
    EXPECT_EQ(RulesIn("flywheel/base/x.cc", std::string("auto* a = new Foo;  ") + comment + "\n"),
              (std::set<std::string>{"new", "suppression"}))
        << comment;
  }
  for (const char* const comment :
       {"// because: the count owns it", "// NOLINT tidy: the count owns it", "// tidy the count owns it"}) {
    EXPECT_EQ(RulesIn("flywheel/base/x.cc", std::string("auto* a = new Foo;  ") + comment + "\n"),
              std::set<std::string>{"new"})
        << comment;
  }
}

TEST(BansTest, AReasonForNothingIsAFinding) {
  Expect(R"(
int a = 0;  // tidy: <- suppression is for nothing here
// tidy: <- suppression of the line after the next

auto* b = new Foo;  // <- new
)");
}

TEST(BansTest, OnlyCppIsRead) {
  EXPECT_EQ(RulesIn("run", "sleep(1)\n"), std::set<std::string>());
  EXPECT_EQ(RulesIn("README.md", "sleep(1); new Foo;\n"), std::set<std::string>());
}

}  // namespace
}  // namespace flywheel::tidy
