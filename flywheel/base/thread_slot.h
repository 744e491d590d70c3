// The one mutable thread-local of the project.
//
// Everything that "the current thread" means is here: which loop turns on it, whose work it runs, and the pools that
// belong to it. All of it is null on a foreign thread and outside a turn; a simulation with many hosts on one thread
// switches it as it switches hosts. Keeping it one trivially initialized object makes reading a field one load
// (constinit: no guard; initial-exec: no call), and makes it the only exception to the rule against hidden state.
#pragma once

namespace flywheel::inline v0 {

class Context;
class FramePool;
class Loop;
class QuiescentParticipant;
class SlabPool;
struct TaskRecord;

struct ThreadSlot {
  const Context* context = nullptr;             // of the work that runs now
  TaskRecord* task = nullptr;                   // the spawned task that runs now
  Loop* loop = nullptr;                         // that turns on this thread now
  FramePool* frames = nullptr;                  // recycled coroutine frames
  SlabPool* slabs = nullptr;                    // recycled buffer blocks
  QuiescentParticipant* participant = nullptr;  // this loop's place in its QuiescentDomain
};

[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadSlot thread_slot;

}  // namespace flywheel::inline v0
