#include "tools/tidy/layering.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tools/tidy/includes.h"
#include "tools/tidy/rooms.h"

namespace flywheel::tidy {
namespace {

constexpr std::string_view kRule = "layering";

class Layering {
 public:
  Layering(const Tree& tree, Findings& findings) : tree_(tree), findings_(findings), rooms_(RoomsOf(tree)) {
    for (const Room& room : rooms_) by_name_.emplace(room.name, &room);
  }

  void Run() {
    for (const File& file : tree_.files) {
      if (!file.IsCpp()) continue;
      const Room* const room = RoomOf(rooms_, file.path());
      if (room == nullptr && file.folder().starts_with("flywheel/")) {
        Add(file.path(), 1, "no room declares this folder", "every file below flywheel/ belongs to one room",
            "add flywheel_room(NAME USES ...) to " + std::string(file.folder()) + "/CMakeLists.txt");
      }
      for (const Include& include : IncludesOf(file)) CheckInclude(file, room, include);
    }
    for (const Room& room : rooms_) CheckDeclaration(room);
    FindCircles();
  }

 private:
  void CheckInclude(const File& file, const Room* room, const Include& include) {
    if (include.path.empty()) {
      Add(file.path(), include.line, "an include that a macro computes", "nobody can see which layer it crosses",
          "write the header's path");
      return;
    }
    const std::string beside = Join(file.folder(), include.path);
    if (include.quoted && tree_.Find(include.path) == nullptr && tree_.Find(beside) != nullptr) {
      Add(file.path(), include.line, "\"" + std::string(include.path) + "\" is not written from the root",
          "a reader and this rule cannot see whose header it is", "#include \"" + beside + "\"");
      CheckTarget(file, room, beside, include.line);
      return;
    }
    CheckTarget(file, room, Normalize(include.path), include.line);
  }

  void CheckTarget(const File& file, const Room* room, const std::string& path, int line) {
    if (!path.starts_with("flywheel/")) return;
    const Room* const target = RoomOf(rooms_, path);
    if (target == room && room != nullptr) return;
    const std::string includes = "includes " + path;
    if (target == nullptr) {
      Add(file.path(), line, includes + ", which is in no room", "it could bring any layer along",
          "include the header of the room that you mean");
      return;
    }
    if (("/" + path).contains("/internal/")) {
      Add(file.path(), line, includes, "internal/ of room '" + target->name + "' is for that room alone",
          "use a public header of '" + target->name + "', or make this one public");
    }
    if (room == nullptr) return;
    used_.insert({room, target});
    if (std::ranges::any_of(room->uses, [&](const CMakeArgument& use) { return use.text == target->name; })) return;
    Add(file.path(), line,
        includes + ", but room '" + room->name + "' does not say that it uses '" + target->name + "'",
        "a room uses only rooms on lower floors, and lists each one",
        "add " + target->name + " to USES in " + room->path + ":" + std::to_string(room->line) +
            " if it lies below, else move the code");
  }

  void CheckDeclaration(const Room& room) {
    if (("flywheel/" + room.name) != room.folder) {
      Add(room.path, room.line, "room '" + room.name + "' lies in " + room.folder, "a room is called like its folder",
          "rename one of them");
    }
    for (const CMakeArgument& use : room.uses) {
      const auto target = by_name_.find(use.text);
      if (target == by_name_.end()) {
        Add(room.path, use.line, "USES " + use.text + ", which is no room", "USES lists rooms",
            "use LIBRARIES for others");
      } else if (target->second == &room) {
        Add(room.path, use.line, "room '" + room.name + "' USES itself", "", "remove it");
      } else if (!used_.contains({&room, target->second})) {
        Add(room.path, use.line, "USES " + use.text + ", but no file of '" + room.name + "' includes it",
            "the list says exactly what the room knows", "remove it");
      }
    }
  }

  // Depth first; a room that is met again on the way down closes a circle.
  void FindCircles() {
    std::set<const Room*> done;
    for (const Room& room : rooms_) {
      std::vector<const Room*> way;
      Descend(room, way, done);
    }
  }

  void Descend(const Room& room, std::vector<const Room*>& way, std::set<const Room*>& done) {
    if (done.contains(&room)) return;
    way.push_back(&room);
    for (const CMakeArgument& use : room.uses) {
      const auto found = by_name_.find(use.text);
      if (found == by_name_.end() || found->second == &room) continue;
      const auto again = std::ranges::find(way, found->second);
      if (again == way.end()) {
        Descend(*found->second, way, done);
        continue;
      }
      std::string circle;
      for (auto step = again; step != way.end(); ++step) circle += (*step)->name + " -> ";
      Add(room.path, use.line, "USES " + use.text + " closes the circle " + circle + use.text, "floors have an order",
          "move what both need into a room below them");
    }
    way.pop_back();
    done.insert(&room);
  }

  void Add(const std::string& path, int line, std::string what, std::string why, std::string instead) {
    findings_.push_back({path, line, kRule, std::move(what), std::move(why), std::move(instead)});
  }

  const Tree& tree_;
  Findings& findings_;
  const std::vector<Room> rooms_;
  std::map<std::string_view, const Room*> by_name_;
  std::set<std::pair<const Room*, const Room*>> used_;
};

}  // namespace

void CheckLayering(const Tree& tree, Findings& findings) { Layering(tree, findings).Run(); }

}  // namespace flywheel::tidy
