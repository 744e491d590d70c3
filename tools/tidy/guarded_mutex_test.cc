#include "tools/tidy/guarded_mutex.h"

#include <gtest/gtest.h>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

void Expect(const std::string& code, const std::string& path = "flywheel/base/x.h") {
  ExpectMarked(CheckGuardedMutex, path, code);
}

TEST(GuardedMutexTest, AMemberThatNoAnnotationNames) {
  Expect(R"(
class A {
  Mutex mutex_;                       // <- unguarded-mutex
  int value_ = 0;                     // FW_GUARDED_BY(mutex_)
};
class B {
  mutable flywheel::Mutex other_{};   // <- unguarded-mutex
  int value_ FW_GUARDED_BY(mutex_of_somebody);
};
)");
}

TEST(GuardedMutexTest, EachAnnotationWillDo) {
  Expect(R"(
class A {
  void F() FW_REQUIRES(first_, second_);
  void G() FW_EXCLUDES(third_);
  alignas(64) mutable Mutex first_;
  Mutex second_;
  Mutex third_;
  Mutex fourth_;
  int* value_ FW_PT_GUARDED_BY(fourth_);
};
)");
}

TEST(GuardedMutexTest, WhatIsNoDeclarationOfOne) {
  Expect(R"(
class Mutex;
class Mutex { };
void F(Mutex& mutex, Mutex* other);
Mutex& Get();
MutexLock lock(mutex);
)");
}

TEST(GuardedMutexTest, TheMacroThatDefinesTheAnnotationNamesNothing) {
  Expect("#define FW_GUARDED_BY(mutex_) attribute(mutex_)\nclass A { Mutex mutex_; };  // <- unguarded-mutex\n");
}

TEST(GuardedMutexTest, TestsMayLockLocals) { Expect("void F() { Mutex mutex; }\n", "flywheel/base/x_test.cc"); }

}  // namespace
}  // namespace flywheel::tidy
