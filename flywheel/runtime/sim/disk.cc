#include "flywheel/runtime/sim/disk.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{16} << 40;  // ext4

// The parts of a path between slashes, "." left out; relative paths begin at the root.
std::vector<std::string_view> Parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

std::string Canonical(std::string_view path) {
  std::string canonical;
  for (const std::string_view part : Parts(path)) canonical.append("/").append(part);
  return canonical.empty() ? "/" : canonical;
}

}  // namespace

struct SimDisk::Node {
  std::shared_ptr<DiskFile> file;  // null: a directory
  Entries entries;
  Entries durable;

  [[nodiscard]] bool directory() const noexcept { return file == nullptr; }
};

// Of directories: a node gets a new place, loses its old one, or both.
struct SimDisk::Change {
  NodeRef node;
  NodeRef from;  // null: a creation
  std::string from_name;
  NodeRef to;  // null: a removal
  std::string to_name;
};

struct SimDisk::Place {
  NodeRef directory;
  std::string name;
  NodeRef node;  // null: nothing there
};

struct SimDisk::Syncing {
  Syncing(SimDisk& owner, AlarmQueue& alarms, std::function<void()> on_end)
      : disk(owner), complete(std::move(on_end)), alarm(alarms, *this) {}
  void End() {
    complete();
    disk.syncing_.erase(self);
  }

  SimDisk& disk;
  std::function<void()> complete;
  std::list<Syncing>::iterator self;
  AlarmFor<&Syncing::End> alarm;
};

SimDisk::SimDisk(SimWorld& world, std::string host_name)
    : world_(world),
      host_name_(std::move(host_name)),
      random_(world.ForkRandom()),
      latency_(random_.Fork()),
      root_(std::make_shared<Node>()) {}

SimDisk::~SimDisk() = default;

SimDisk::NodeRef SimDisk::Find(std::string_view path) const {
  NodeRef node = root_;
  for (const std::string_view part : Parts(path)) {
    const auto found = node->entries.find(part);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

int SimDisk::FindPlace(std::string_view path, Place& place) const {
  const auto parts = Parts(path);
  if (parts.empty()) return EBUSY;  // the root
  NodeRef directory = root_;
  for (std::size_t index = 0; index + 1 < parts.size(); ++index) {
    const auto found = directory->entries.find(parts[index]);
    if (found == directory->entries.end()) return ENOENT;
    if (!found->second->directory()) return ENOTDIR;
    directory = found->second;
  }
  const auto found = directory->entries.find(parts.back());
  place.node = found == directory->entries.end() ? nullptr : found->second;
  place.directory = std::move(directory);
  place.name = parts.back();
  return 0;
}

SimDisk::Opened SimDisk::Open(std::string_view path, OpenMode mode) {
  Place place;
  if (const int error = FindPlace(path, place); error != 0) return {.error = error == EBUSY ? EISDIR : error};
  if (place.node != nullptr) {
    if (mode == OpenMode::kCreateNew) return {.error = EEXIST};
    if (place.node->directory()) return {.error = EISDIR};
    return {.file = place.node->file, .path = Canonical(path)};
  }
  if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) return {.error = ENOENT};
  auto node = std::make_shared<Node>();
  node->file = std::make_shared<DiskFile>(used_);
  place.directory->entries.emplace(place.name, node);
  Record({.node = node, .from = nullptr, .from_name = {}, .to = place.directory, .to_name = place.name});
  return {.file = node->file, .path = Canonical(path)};
}

int SimDisk::Rename(std::string_view from, std::string_view to) {
  Place source;
  Place target;
  if (const int error = FindPlace(from, source); error != 0) return error;
  if (const int error = FindPlace(to, target); error != 0) return error;
  if (source.node == nullptr) return ENOENT;
  if (source.node == target.node) return 0;
  if (source.node->directory() && (Canonical(to) + "/").starts_with(Canonical(from) + "/")) return EINVAL;
  if (target.node != nullptr) {
    if (source.node->directory() && !target.node->directory()) return ENOTDIR;
    if (!source.node->directory() && target.node->directory()) return EISDIR;
    if (target.node->directory() && !target.node->entries.empty()) return ENOTEMPTY;
  }
  source.directory->entries.erase(source.name);
  target.directory->entries[target.name] = source.node;
  Record({.node = source.node,
          .from = source.directory,
          .from_name = source.name,
          .to = target.directory,
          .to_name = target.name});
  return 0;
}

int SimDisk::Remove(std::string_view path) {
  Place place;
  if (const int error = FindPlace(path, place); error != 0) return error;
  if (place.node == nullptr) return ENOENT;
  if (place.node->directory() && !place.node->entries.empty()) return ENOTEMPTY;
  place.directory->entries.erase(place.name);
  Record({.node = place.node, .from = place.directory, .from_name = place.name, .to = nullptr, .to_name = {}});
  return 0;
}

int SimDisk::MakeDirectory(std::string_view path, std::string& failed) {
  NodeRef directory = root_;
  failed.clear();
  for (const std::string_view part : Parts(path)) {
    failed.append("/").append(part);
    if (!directory->directory()) return ENOTDIR;
    NodeRef& entry = directory->entries[std::string(part)];
    if (entry == nullptr) {
      entry = std::make_shared<Node>();
      Record({.node = entry, .from = nullptr, .from_name = {}, .to = directory, .to_name = std::string(part)});
    }
    directory = entry;
  }
  return 0;
}

int SimDisk::List(std::string_view path, std::vector<std::string>& names) const {
  const NodeRef node = Find(path);
  if (node == nullptr) return ENOENT;
  if (!node->directory()) return ENOTDIR;
  for (const auto& [name, entry] : node->entries) names.push_back(name);
  return 0;
}

int SimDisk::Read(const DiskFile& file, const std::string& path, std::uint64_t offset, std::span<std::byte> to,
                  std::size_t& count) {
  if (TakeFault(DiskCall::kRead, path)) return EIO;
  count = file.Read(offset, to);
  return 0;
}

int SimDisk::Write(DiskFile& file, const std::string& path, std::uint64_t offset, std::span<const std::byte> from) {
  if (TakeFault(DiskCall::kWrite, path)) {
    file.Write(offset, from.first(static_cast<std::size_t>(random_.Below(from.size() + 1))));
    return EIO;
  }
  if (offset > kFileBytesMax || from.size() > kFileBytesMax - offset) return EFBIG;
  const std::uint64_t room = options_.capacity - std::min(used_, options_.capacity);
  if (file.Growth(offset + from.size()) <= room) {
    file.Write(offset, from);
    return 0;
  }
  // As much as fits, as pwrite does before it says so.
  std::size_t fits = from.size();
  while (fits > 0 && file.Growth(offset + fits) > room) fits -= std::min<std::size_t>(fits, kSectorBytes);
  file.Write(offset, from.first(fits));
  return ENOSPC;
}

int SimDisk::Resize(DiskFile& file, std::uint64_t size) {
  if (size > kFileBytesMax) return EFBIG;
  const std::uint64_t room = options_.capacity - std::min(used_, options_.capacity);
  if (file.Growth(size) > room) return ENOSPC;
  file.Resize(size);
  return 0;
}

int SimDisk::Sync(const std::shared_ptr<DiskFile>& file, const std::string& path, Duration takes) {
  const bool fails = TakeFault(DiskCall::kSync, path);
  Begin(
      [file, fails, mark = file->BeginSync()] {
        if (fails) {
          file->FailSync(mark);
        } else {
          file->CompleteSync(mark);
        }
      },
      takes);
  return fails ? EIO : 0;
}

int SimDisk::SyncDirectory(std::string_view path, Duration takes) {
  const NodeRef node = Find(path);
  if (node == nullptr) return ENOENT;
  if (!node->directory()) return ENOTDIR;
  if (TakeFault(DiskCall::kSync, Canonical(path))) return EIO;
  Begin([this, node, mark = first_change_ + changes_.size()] { CompleteDirectorySync(node, mark); }, takes);
  return 0;
}

void SimDisk::Begin(std::function<void()> complete, Duration takes) {
  Syncing& syncing = syncing_.emplace_back(*this, world_.alarms(), std::move(complete));
  syncing.self = std::prev(syncing_.end());
  syncing.alarm.Set(SaturatingAdd(world_.now(), takes));
}

void SimDisk::Record(Change change) { changes_.push_back(std::move(change)); }

void SimDisk::Apply(const Change& change) {
  if (change.from != nullptr) {
    const auto found = change.from->durable.find(change.from_name);
    if (found != change.from->durable.end() && found->second == change.node) change.from->durable.erase(found);
  }
  if (change.to != nullptr) change.to->durable[change.to_name] = change.node;
}

void SimDisk::ChooseEarlier(std::vector<bool>& chosen) const {
  // The set is only asked, so its order does not matter.
  std::set<const Node*> moved;
  for (std::size_t index = chosen.size(); index-- > 0;) {
    const Node* const node = changes_[index].node.get();
    chosen[index] = chosen[index] || moved.contains(node);
    if (chosen[index]) moved.insert(node);
  }
}

void SimDisk::CompleteDirectorySync(const NodeRef& directory, std::uint64_t mark) {
  std::vector<bool> chosen(mark > first_change_ ? static_cast<std::size_t>(mark - first_change_) : 0);
  for (std::size_t index = 0; index < chosen.size(); ++index) {
    const Change& change = changes_[index];
    chosen[index] = change.from == directory || change.to == directory;
  }
  ChooseEarlier(chosen);
  std::deque<Change> left;
  for (std::size_t index = 0; index < changes_.size(); ++index) {
    if (index < chosen.size() && chosen[index]) {
      Apply(changes_[index]);
    } else {
      left.push_back(std::move(changes_[index]));
    }
  }
  first_change_ += changes_.size() - left.size();
  changes_ = std::move(left);
}

void SimDisk::LosePower() {
  syncing_.clear();
  std::vector<bool> happened(changes_.size());
  for (std::size_t index = 0; index < changes_.size(); ++index) {
    const Change& change = changes_[index];
    happened[index] = random_.Below(2) == 0;
    const bool moves_directory = change.node->directory() && change.from != nullptr && change.to != nullptr;
    if (moves_directory && happened[index]) std::fill_n(happened.begin(), index, true);
  }
  ChooseEarlier(happened);
  for (std::size_t index = 0; index < changes_.size(); ++index) {
    if (happened[index]) Apply(changes_[index]);
  }
  first_change_ += changes_.size();
  changes_.clear();
  Restore(*root_);
}

void SimDisk::Restore(Node& directory) {
  directory.entries = directory.durable;
  for (const auto& [name, node] : directory.entries) {
    if (node->directory()) {
      Restore(*node);
    } else {
      node->file->LosePower(random_);
    }
  }
}

void SimDisk::SetOptions(const DiskOptions& options) {
  world_.Note("disk options of " + host_name_);
  options_ = options;
}

void SimDisk::FailNext(DiskCall call, std::string path) {
  world_.Note("disk fault on " + host_name_ + " " + path);
  faults_.emplace_back(call, path.empty() ? path : Canonical(path));
}

bool SimDisk::TakeFault(DiskCall call, const std::string& path) {
  const auto found = std::ranges::find_if(faults_, [&](const auto& fault) {
    return fault.first == call && (fault.second.empty() || fault.second == path);
  });
  if (found == faults_.end()) return false;
  faults_.erase(found);
  world_.Note("EIO on " + host_name_ + " " + path);
  return true;
}

bool SimDisk::Corrupt(std::string_view path, std::uint64_t offset, std::byte flip) {
  const NodeRef node = Find(path);
  if (node == nullptr || node->directory() || offset >= node->file->size()) return false;
  world_.Note("corrupt " + host_name_ + " " + std::string(path));
  node->file->Corrupt(offset, flip);
  return true;
}

std::optional<std::string> SimDisk::Durable(std::string_view path) const {
  const Node* node = root_.get();
  for (const std::string_view part : Parts(path)) {
    const auto found = node->durable.find(part);
    if (found == node->durable.end()) return std::nullopt;
    node = found->second.get();
  }
  return node->directory() ? std::nullopt : std::optional(node->file->Durable());
}

std::optional<std::string> SimDisk::Cached(std::string_view path) const {
  const NodeRef node = Find(path);
  if (node == nullptr || node->directory()) return std::nullopt;
  return node->file->Cached();
}

Duration SimDisk::CallTime(std::size_t bytes) noexcept {
  const auto jitter = latency_.Below(static_cast<std::uint64_t>(options_.call_jitter.count()));
  Duration time = options_.call + Duration(static_cast<Duration::rep>(jitter));
  if (options_.bytes_per_second != 0) {
    time += Duration(
        static_cast<Duration::rep>(static_cast<unsigned __int128>(bytes) * 1'000'000'000 / options_.bytes_per_second));
  }
  return time;
}

Duration SimDisk::SyncTime() noexcept {
  const auto jitter = latency_.Below(static_cast<std::uint64_t>(options_.sync_jitter.count()));
  return options_.sync + Duration(static_cast<Duration::rep>(jitter));
}

}  // namespace flywheel::inline v0::sim
