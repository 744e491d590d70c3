#include <algorithm>
#include <array>

#include "tools/tidy/bans.h"

namespace flywheel::tidy {
namespace {

std::string_view At(std::span<const Token> tokens, std::size_t at) {
  return at < tokens.size() ? tokens[at].text : std::string_view();
}

// `void* operator new(...)` and `void operator delete(...)`, which define or declare one; a call is no better than the
// keyword.
bool IsOperatorDeclaration(std::span<const Token> tokens, std::size_t begin, std::size_t end) {
  if (begin < 2 || !tokens[begin - 1].Is("operator")) return false;
  const std::size_t arguments = At(tokens, end) == "[" ? end + 2 : end;
  const bool is_call = At(tokens, arguments) == "(" && !tokens[begin - 2].Is("*") && !tokens[begin - 2].Is("void");
  return !is_call;
}

// `new (place) T`; but std::nothrow and an alignment are arguments of an allocation.
bool IsPlacementOrDeclaration(std::span<const Token> tokens, std::size_t begin, std::size_t end) {
  if (begin > 0 && tokens[begin - 1].Is("operator")) return IsOperatorDeclaration(tokens, begin, end);
  if (At(tokens, end) != "(") return false;
  const std::size_t first = At(tokens, end + 1) == "std" ? end + 3 : end + 1;
  return At(tokens, first) != "nothrow" && At(tokens, first) != "align_val_t";
}

// `= delete`
bool IsDeletedOrDeclaration(std::span<const Token> tokens, std::size_t begin, std::size_t end) {
  return (begin > 0 && tokens[begin - 1].Is("=")) || IsOperatorDeclaration(tokens, begin, end);
}

// An engine that gets its seed from elsewhere, that a constructor will seed, or that is only named.
bool IsSeeded(std::span<const Token> tokens, std::size_t /*begin*/, std::size_t end) {
  std::size_t at = end;
  if (at < tokens.size() && tokens[at].IsIdentifier()) {
    const bool member = tokens[at].text.ends_with('_');
    ++at;
    if (At(tokens, at) == ";") return member;
  }
  if (At(tokens, at) != "(" && At(tokens, at) != "{") return true;
  for (++at; At(tokens, at) != ")" && At(tokens, at) != "}"; ++at) {
    if (at >= tokens.size()) return false;
    if (tokens[at].kind != TokenKind::kNumber) return true;
  }
  return false;
}

// `Instant VirtualClock::now() const {`: a clock of ours.
bool IsDefinition(std::span<const Token> tokens, std::size_t /*begin*/, std::size_t end) {
  if (At(tokens, end) != "(" || At(tokens, end + 1) != ")") return false;
  const std::string_view next = At(tokens, end + 2);
  return next == "const" || next == "noexcept" || next == "{";
}

bool IsAssembler(std::span<const Token> tokens, std::size_t begin, std::size_t /*end*/) {
  return begin > 0 && (tokens[begin - 1].Is("asm") || tokens[begin - 1].Is("__asm__"));
}

constexpr std::array kTable = {
    Ban{.rule = "sleep",
        .where = Where::kEverywhere,
        .allowed = "",
        .patterns = "sleep ( | usleep ( | nanosleep ( | clock_nanosleep ( | sleep_for ( | sleep_until ( | "
                    "poll ( nullptr | poll ( NULL | select ( 0 , nullptr | select ( 0 , NULL",
        .why = "a thread that sleeps stops a loop, and a test that sleeps is slow and still races",
        .instead = "wait for the event itself, or for a timer of the Loop, which is virtual in tests"},
    Ban{.rule = "clock",
        .where = Where::kEverywhere,
        .allowed = "flywheel/runtime/clock.cc bench/* tools/* *_bench.cc",
        .patterns = ":: now | clock_gettime ( | gettimeofday ( | timespec_get ( | time ( nullptr | time ( NULL | "
                    "time ( 0 ) | time ( & | __rdtsc ( | __builtin_ia32_rdtsc ( | __builtin_readcyclecounter (",
        .why = "time comes from the Clock of the Host, so that a simulation can turn it",
        .instead = "take an Instant as an argument, or ask the Clock of the Context's Host",
        .harmless = IsDefinition},
    Ban{.rule = "random",
        .where = Where::kEverywhere,
        .allowed = "flywheel/runtime/random.cc",
        .patterns = "std :: random_device | rand ( | srand ( | rand_r ( | srandom ( | drand48 ( | getrandom ( | "
                    "getentropy ( | arc4random (",
        .why = "a run must replay from its seed",
        .instead = "use the Random of the Context's Host"},
    Ban{.rule = "seed",
        .where = Where::kShipped,
        .allowed = "",
        .patterns = "std :: mt19937 | std :: mt19937_64 | std :: minstd_rand | std :: minstd_rand0 | "
                    "std :: default_random_engine | std :: ranlux24 | std :: ranlux48 | std :: knuth_b",
        .why = "an engine with a seed of its own gives every process the same choices, whatever the Host's seed says",
        .instead = "use the Random of the Context's Host, or seed it from there",
        .harmless = IsSeeded},
    Ban{.rule = "new",
        .where = Where::kEverywhere,
        .allowed = "",
        .patterns = "new",
        .why = "what owns the memory is not visible",
        .instead = "std::make_unique, a container, or placement; where neither can be, say why on this line: `// tidy: "
                   "REASON`",
        .harmless = IsPlacementOrDeclaration},
    Ban{.rule = "delete",
        .where = Where::kEverywhere,
        .allowed = "",
        .patterns = "delete",
        .why = "what owns the memory is not visible",
        .instead = "let a std::unique_ptr or a container free it; where neither can be, say why on this line: `// "
                   "tidy: REASON`",
        .harmless = IsDeletedOrDeclaration},
    Ban{.rule = "mutex",
        .where = Where::kEverywhere,
        .allowed = "flywheel/base/mutex.h",
        .patterns = "std :: mutex | std :: timed_mutex | std :: recursive_mutex | std :: recursive_timed_mutex | "
                    "std :: shared_mutex | std :: shared_timed_mutex | std :: condition_variable | "
                    "std :: condition_variable_any | std :: lock_guard | std :: unique_lock | std :: shared_lock | "
                    "std :: scoped_lock | pthread_mutex_t | pthread_rwlock_t | pthread_spinlock_t | pthread_cond_t",
        .why = "the compiler cannot tell what it guards, so a forgotten lock is found by luck",
        .instead = "Mutex, MutexLock and CondVar of flywheel/base/mutex.h, with FW_GUARDED_BY on what they guard"},
    Ban{.rule = "detach",
        .where = Where::kEverywhere,
        .allowed = "",
        .patterns = ". detach ( ) | pthread_detach ( | std :: async",
        .why = "a thread that nobody joins outlives what it uses",
        .instead = "join it, use std::jthread, or Spawn a Task into a TaskGroup"},
    Ban{.rule = "environment",
        .where = Where::kEverywhere,
        .allowed = "flywheel/runtime/environment.cc flywheel/runtime/environment_test.cc tools/*",
        .patterns = "getenv ( | secure_getenv ( | setenv ( | unsetenv ( | putenv ( | clearenv (",
        .why = "the environment belongs to the Host, and changing the process's own races with every reader",
        .instead = "use the environment of the Context's Host"},
    Ban{.rule = "stdout",
        .where = Where::kProduct,
        .allowed = "",
        .patterns = "printf ( | vprintf ( | puts ( | putchar ( | std :: cout | std :: wcout | std :: print | "
                    "std :: println | fprintf ( stdout | fputs_unlocked ( | STDOUT_FILENO",
        .why = "standard output belongs to the program, not to a library",
        .instead = "return the text, or log it"},
    Ban{.rule = "volatile",
        .where = Where::kEverywhere,
        .allowed = "",
        .patterns = "volatile",
        .why = "it orders nothing between threads",
        .instead = "std::atomic; to keep a value alive in a benchmark, the harness",
        .harmless = IsAssembler},
    Ban{.rule = "using-namespace",
        .where = Where::kHeaders,
        .allowed = "",
        .patterns = "using namespace",
        .why = "every file that includes this header gets the names",
        .instead = "qualify the names, or a using-declaration in the .cc file"},
    Ban{.rule = "throw",
        .where = Where::kProduct,
        .allowed = "",
        .patterns = "throw",
        .why = "no exception crosses a room",
        .instead = "return a Status; for a bug of ours, FW_CHECK"},
    Ban{.rule = "assert",
        .where = Where::kEverywhere,
        .allowed = "",
        .patterns = "assert ( | <cassert> | <assert.h>",
        .why = "it vanishes in a release build and says no state",
        .instead = "FW_CHECK, or FW_DCHECK where the hot path cannot pay for it"},
    Ban{.rule = "heavy-include",
        .where = Where::kHeaders,
        .allowed = "",
        .patterns = "<iostream> | <regex>",
        .why = "every file that includes this header pays for it",
        .instead = "include it in the .cc file, or <iosfwd>"},
};

}  // namespace

std::span<const Ban> BanTable() { return kTable; }

}  // namespace flywheel::tidy
