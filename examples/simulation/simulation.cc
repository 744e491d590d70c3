// A service in a world where machines lose power at any moment: whoever was told "saved" finds the note again.
#include <cstdio>

#include "flywheel/testing/simulate.h"

using namespace flywheel;

Task<Status> Save(std::string note) {  // the code under test, as it ships
  FileSystem& files = Context::current().host()->files();
  FW_CO_ASSIGN_OR_RETURN(const auto file, co_await files.Open("/note", OpenMode::kCreate));
  FW_CO_RETURN_IF_ERROR(co_await file->WriteAt(0, std::as_bytes(std::span(note))));
  FW_CO_RETURN_IF_ERROR(co_await file->Sync());
  co_return co_await files.SyncDirectory("/");  // leave this out, or Sync, and see which seed finds it
}

Status NotesSurvive(testing::World& world) {
  testing::SimHost& host = world.AddHost();
  bool saved = false;
  host.Spawn([](bool& told) -> Task<void> { told = (co_await Save("milk")).ok(); }(saved));
  world.RunFor(std::chrono::microseconds(world.random().Below(5000)));
  host.Crash(testing::CrashKind::kMachine);
  if (saved && host.disk().Durable("/note") != "milk") return Internal("a saved note is lost");
  return Status::Ok();
}

int main() {
  const Status status = testing::Simulate(&NotesSurvive);
  std::puts(status.ok() ? "every saved note survived" : status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
