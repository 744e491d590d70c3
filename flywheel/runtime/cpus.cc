#include "flywheel/runtime/cpus.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "flywheel/runtime/descriptor.h"

namespace flywheel::inline v0 {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<double> Number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool Lists(std::string_view list, std::string_view name) {
  for (const std::string_view item : Split(list, ',')) {
    if (item == name) return true;
  }
  return false;
}

// Blanks and backslashes of paths are written in octal there: "/my\\040groups".
std::string Unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    unsigned code = 0;
    const bool escaped = text.size() >= 4 && text[0] == '\\' &&
                         std::from_chars(text.data() + 1, text.data() + 4, code, 8).ptr == text.data() + 4;
    plain.push_back(escaped ? static_cast<char>(code) : text[0]);
    text.remove_prefix(escaped ? 4 : 1);
  }
  return plain;
}

struct Mount {
  std::string root;   // what of the hierarchy is mounted
  std::string point;  // where
};

// The mount of cgroup2, or of the v1 hierarchy with the cpu controller (proc(5), /proc/pid/mountinfo).
std::optional<Mount> FindMount(std::string_view mountinfo, bool v2) {
  for (const std::string_view line : Split(mountinfo, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto fields = Split(line.substr(0, dash), ' ');
    const auto type = Split(line.substr(dash + 3), ' ');
    if (fields.size() < 5 || type.empty()) continue;
    const bool matches = v2 ? type[0] == "cgroup2" : type[0] == "cgroup" && type.size() > 2 && Lists(type[2], "cpu");
    if (matches) return Mount{.root = Unescape(fields[3]), .point = Unescape(fields[4])};
  }
  return std::nullopt;
}

// This process's path in the hierarchy (cgroups(7), /proc/pid/cgroup).
std::optional<std::string> FindPath(std::string_view cgroup, bool v2) {
  for (const std::string_view line : Split(cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? line.starts_with("0::") : Lists(controllers, "cpu")) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

std::optional<double> QuotaOf(const std::string& directory, bool v2, ReadSmallFile read, const void* argument) {
  if (v2) {
    const auto text = read(directory + "/cpu.max", argument);
    if (!text.has_value()) return std::nullopt;
    const auto fields = Split(*text, ' ');
    if (fields.size() != 2) return std::nullopt;
    const auto quota = Number(fields[0]);
    const auto period = Number(fields[1]);
    if (!quota.has_value() || !period.has_value() || *quota <= 0 || *period <= 0) return std::nullopt;
    return *quota / *period;
  }
  const auto quota = read(directory + "/cpu.cfs_quota_us", argument);
  const auto period = read(directory + "/cpu.cfs_period_us", argument);
  if (!quota.has_value() || !period.has_value()) return std::nullopt;
  const auto quota_us = Number(*quota);
  const auto period_us = Number(*period);
  if (!quota_us.has_value() || !period_us.has_value() || *quota_us <= 0 || *period_us <= 0) return std::nullopt;
  return *quota_us / *period_us;
}

std::optional<std::string> ReadSystemFile(std::string_view path, const void*) {
  const Descriptor file(::open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

std::optional<double> CgroupCpuQuota(ReadSmallFile read, const void* argument) {
  const auto mountinfo = read("/proc/self/mountinfo", argument);
  const auto cgroup = read("/proc/self/cgroup", argument);
  if (!mountinfo.has_value() || !cgroup.has_value()) return std::nullopt;
  std::optional<double> smallest;
  for (const bool v2 : {true, false}) {
    const auto mount = FindMount(*mountinfo, v2);
    auto path = FindPath(*cgroup, v2);
    if (!mount.has_value() || !path.has_value()) continue;
    // A container sees its own part of the hierarchy mounted at the top.
    const bool below =
        path->starts_with(mount->root) && (path->size() == mount->root.size() || (*path)[mount->root.size()] == '/');
    if (mount->root != "/" && below) path->erase(0, mount->root.size());
    if (!path->empty() && path->front() != '/') continue;
    for (;;) {
      while (path->ends_with('/')) path->pop_back();
      const auto quota = QuotaOf(mount->point + *path, v2, read, argument);
      if (quota.has_value()) smallest = std::min(smallest.value_or(*quota), *quota);
      if (path->empty()) break;
      path->erase(path->rfind('/'));
    }
  }
  return smallest;
}

int CpusAvailable() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  int cpus = ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  const auto quota = CgroupCpuQuota(&ReadSystemFile, nullptr);
  if (quota.has_value() && *quota < cpus) cpus = static_cast<int>(std::ceil(*quota));
  return std::max(1, cpus);
}

}  // namespace flywheel::inline v0
