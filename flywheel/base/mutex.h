// Mutex, MutexLock, CondVar: a lock whose owner must say what it guards.
//
// The standard types know nothing of what they protect, so a forgotten lock is found by a sanitizer, if a test happens
// to race. These carry clang's thread safety attributes: a member that is FW_GUARDED_BY(mutex_) cannot be touched
// without the lock, and a function that FW_REQUIRES(mutex_) cannot be called without it; the build fails instead.
// Not for hot paths: loops share nothing, and what crosses them is a Post, a Snapshot or an atomic. Never hold one
// across co_await: the lock belongs to a thread, and the analysis does not see suspension.
// Waiting has no timed form, because time comes from the Clock of the Host; who needs a deadline waits on an Event.
#pragma once

#include <pthread.h>

#include <mutex>

#if defined(__clang__)
#define FW_THREAD_ATTRIBUTE_(...) __attribute__((__VA_ARGS__))
#else
#define FW_THREAD_ATTRIBUTE_(...)
#endif

// On a data member: the mutex that must be held to touch it, or (PT) what it points to.
#define FW_GUARDED_BY(mutex) FW_THREAD_ATTRIBUTE_(guarded_by(mutex))
#define FW_PT_GUARDED_BY(mutex) FW_THREAD_ATTRIBUTE_(pt_guarded_by(mutex))
// On a function: its caller holds the mutex, or (EXCLUDES) does not, because the function takes it.
#define FW_REQUIRES(...) FW_THREAD_ATTRIBUTE_(requires_capability(__VA_ARGS__))
#define FW_EXCLUDES(...) FW_THREAD_ATTRIBUTE_(locks_excluded(__VA_ARGS__))
// On a function that locks or unlocks on behalf of its caller.
#define FW_ACQUIRE(...) FW_THREAD_ATTRIBUTE_(acquire_capability(__VA_ARGS__))
#define FW_TRY_ACQUIRE(...) FW_THREAD_ATTRIBUTE_(try_acquire_capability(__VA_ARGS__))
#define FW_RELEASE(...) FW_THREAD_ATTRIBUTE_(release_capability(__VA_ARGS__))
// On a function that returns a reference to the mutex, so that the analysis knows them as one.
#define FW_RETURN_CAPABILITY(mutex) FW_THREAD_ATTRIBUTE_(lock_returned(mutex))
// On a type that is a lock, or that holds one for its own lifetime.
#define FW_CAPABILITY(name) FW_THREAD_ATTRIBUTE_(capability(name))
#define FW_SCOPED_CAPABILITY FW_THREAD_ATTRIBUTE_(scoped_lockable)

namespace flywheel::inline v0 {

// Not recursive: locking it twice on one thread deadlocks, and the analysis refuses it where it can see both.
class FW_CAPABILITY("mutex") Mutex {
 public:
  constexpr Mutex() noexcept = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() FW_ACQUIRE() { mutex_.lock(); }
  void Unlock() FW_RELEASE() { mutex_.unlock(); }
  [[nodiscard]] bool TryLock() FW_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;

  std::mutex mutex_;
};

// Holds a mutex from construction to the end of the scope.
class FW_SCOPED_CAPABILITY MutexLock {
 public:
  [[nodiscard]] explicit MutexLock(Mutex& mutex) FW_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() FW_RELEASE() { mutex_.Unlock(); }

 private:
  Mutex& mutex_;
};

// Waits for a change of what a Mutex guards. There is no form with a predicate: a lambda does not inherit the held
// lock in the analysis, so the condition stays in the function that holds it:
//   MutexLock lock(mutex_);
//   while (!ready_) changed_.Wait(mutex_);
class CondVar {
 public:
  CondVar() noexcept = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;
  // Nobody may be waiting.
  ~CondVar() { ::pthread_cond_destroy(&condition_); }

  // Releases the mutex while it waits and holds it again when it returns, which may be without a signal.
  void Wait(Mutex& mutex) FW_REQUIRES(mutex) { ::pthread_cond_wait(&condition_, mutex.mutex_.native_handle()); }
  void SignalOne() noexcept { ::pthread_cond_signal(&condition_); }
  void SignalAll() noexcept { ::pthread_cond_broadcast(&condition_); }

 private:
  // The POSIX type because <condition_variable> costs every includer more than the rest of this header together.
  ::pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
};

}  // namespace flywheel::inline v0
