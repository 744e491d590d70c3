// A small machine on which lock-free code is run under every interleaving, for tests.
//
// Each thread of the machine has a store buffer, as on x86 (TSO; Sewell, Sarkar, Owens, Nardelli and Myreen, "x86-TSO",
// CACM 2010): its own loads see what it holds, other threads see a store when it leaves the buffer, which may be any
// number of their steps later. Fences and read-modify-writes wait until it is empty. Explore() visits every reachable
// state until Use() meets a cell that Free() has freed. Weaker machines reorder more; for them there is the argument
// beside the code and the thread sanitizer.
//
// The code under test is real code, templated on its memory. A thread makes one step by running from the start with
// the results of its earlier steps, doing the next one and leaving by an exception, so that a state is nothing but
// numbers and can be copied, compared and returned to.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace flywheel::inline v0::internal {

class StoreBufferModel {
 public:
  using Word = std::uint64_t;
  // Returns when the thread ends. Must do the same whenever it gets the same results.
  using Thread = std::function<void()>;

  // Leaves out the `ordinal`th fence of a thread, to see that it is needed.
  struct WithoutFence {
    std::size_t thread = 0;
    int ordinal = 0;
  };

  struct Result {
    std::size_t states = 0;
    std::size_t ends = 0;   // distinct states in which all threads have ended
    bool violated = false;  // a freed cell was used, and nothing further visited
  };

  StoreBufferModel() = default;
  StoreBufferModel(const StoreBufferModel&) = delete;
  StoreBufferModel& operator=(const StoreBufferModel&) = delete;

  std::size_t AddWord(Word initial) {
    start_.memory.push_back(initial);
    return start_.memory.size() - 1;
  }

  Result Explore(const std::vector<Thread>& threads, std::optional<WithoutFence> without = std::nullopt) {
    without_ = without;
    result_ = {};
    start_.threads.assign(threads.size(), {});
    std::unordered_set<std::string> seen;
    std::vector<State> todo{start_};
    seen.insert(Key(start_));
    const auto visit = [&](const State& state) {
      if (seen.insert(Key(state)).second) todo.push_back(state);
    };
    while (!todo.empty() && !result_.violated) {
      const State from = std::move(todo.back());
      todo.pop_back();
      ++result_.states;
      bool ended = true;
      for (std::size_t thread = 0; thread < threads.size(); ++thread) {
        ended &= from.threads[thread].ended;
        if (!from.threads[thread].ended) {
          Step(from, thread, threads[thread]);
          visit(state_);
        }
        if (!from.threads[thread].buffer.empty()) {
          state_ = from;
          Drain(state_.threads[thread]);
          visit(state_);
        }
      }
      result_.ends += ended ? 1 : 0;
    }
    return result_;
  }

  // The steps of the running thread.
  Word Load(std::size_t word) {
    return Do(/*drained=*/false, [&] {
      const auto& buffer = me().buffer;
      const auto own = std::find_if(buffer.rbegin(), buffer.rend(), [&](const auto& e) { return e.first == word; });
      return own == buffer.rend() ? state_.memory[word] : own->second;
    });
  }
  void Store(std::size_t word, Word value) {
    DoUnseen(false, [&] { me().buffer.emplace_back(word, value); });
  }
  Word FetchAdd(std::size_t word, Word value) {
    return Do(true, [&] { return std::exchange(state_.memory[word], state_.memory[word] + value); });
  }
  void Fence() {
    if (without_ && without_->thread == running_ && without_->ordinal == fences_++) return;
    DoUnseen(true, [] {});
  }
  void Free(std::size_t cell) {
    Do(true, [&] { return state_.memory[cell] = kFreed; });
  }
  void Use(std::size_t cell) {
    Do(false, [&] {
      if (state_.memory[cell] == kFreed) result_.violated = true;
      return state_.memory[cell];
    });
  }

 private:
  static constexpr Word kFreed = 0xdead;

  struct ThreadState {
    std::vector<Word> results;                         // of its steps so far
    std::vector<std::pair<std::size_t, Word>> buffer;  // stores that others do not see, oldest first
    bool ended = false;
  };
  struct State {
    std::vector<Word> memory;
    std::vector<ThreadState> threads;
  };
  struct Stop {};  // the step is done, or waits for the store buffer

  [[noreturn]] static void Leave() { throw Stop{}; }  // tidy: nothing else unwinds the code under test

  ThreadState& me() { return state_.threads[running_]; }

  // An access to memory that others share. It begins a step, which goes on with what the thread can do unseen: a store
  // into its buffer, a fence when that is empty. No other thread can tell whether it came between.
  template <typename F>
  Word Do(bool drained, F&& access) {
    if (position_ < me().results.size()) return me().results[position_++];
    if (stepped_) Leave();
    if (drained && !me().buffer.empty()) Leave();
    stepped_ = true;
    me().results.push_back(access());
    return me().results[position_++];
  }
  template <typename F>
  void DoUnseen(bool drained, F&& act) {
    if (position_++ < me().results.size()) return;
    if (drained && !me().buffer.empty()) Leave();
    stepped_ = true;
    act();
    me().results.push_back(0);
  }

  // Puts into state_ what follows `from` by a step of `thread`.
  void Step(const State& from, std::size_t thread, const Thread& run) {
    state_ = from;
    running_ = thread;
    stepped_ = false;
    position_ = 0;
    fences_ = 0;
    try {
      run();
      me().ended = true;
    } catch (const Stop&) {
    }
  }

  void Drain(ThreadState& thread) {
    const auto [word, value] = thread.buffer.front();
    thread.buffer.erase(thread.buffer.begin());
    state_.memory[word] = value;
  }

  static std::string Key(const State& state) {
    std::string key;
    const auto add = [&](Word word) { key.append(reinterpret_cast<const char*>(&word), sizeof(word)); };
    for (const Word word : state.memory) add(word);
    for (const ThreadState& thread : state.threads) {
      add(thread.results.size());
      for (const Word word : thread.results) add(word);
      add(thread.buffer.size() * 2 + (thread.ended ? 1 : 0));
      for (const auto& [word, value] : thread.buffer) {
        add(word);
        add(value);
      }
    }
    return key;
  }

  State start_;
  State state_;  // that the running thread changes
  std::size_t running_ = 0;
  bool stepped_ = false;
  std::size_t position_ = 0;  // in its results
  int fences_ = 0;
  std::optional<WithoutFence> without_;
  Result result_;
};

// Memory for code that is templated on it, in place of std::atomic.
struct ModelMemory {
  template <typename T>
  class Atomic {
   public:
    Atomic(StoreBufferModel& machine, T initial) : machine_(machine), word_(machine.AddWord(ToWord(initial))) {}
    T load(std::memory_order) const { return FromWord(machine_.Load(word_)); }
    void store(T value, std::memory_order) { machine_.Store(word_, ToWord(value)); }
    T fetch_add(T value, std::memory_order) { return FromWord(machine_.FetchAdd(word_, ToWord(value))); }

   private:
    friend struct ModelMemory;
    static_assert(sizeof(T) == sizeof(StoreBufferModel::Word));
    static StoreBufferModel::Word ToWord(T value) { return std::bit_cast<StoreBufferModel::Word>(value); }
    static T FromWord(StoreBufferModel::Word word) { return std::bit_cast<T>(word); }

    StoreBufferModel& machine_;
    std::size_t word_;
  };

  template <typename T>
  static void Fence(const Atomic<T>& word) {
    word.machine_.Fence();
  }
};

}  // namespace flywheel::inline v0::internal
