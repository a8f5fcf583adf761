#include "platform/device_stack.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/error.h"

namespace bsr {
namespace {

namespace fs = std::filesystem;

std::string line_of(const fs::path& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return line;
}

/// Of "254:3", as a file named dev says it.
std::optional<dev_t> device_number(const std::string& text) {
  unsigned numbers[2] = {};
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, numbers[0]);
  if (first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, numbers[1]);
  if (second.ptr != end || second.ec != std::errc()) return std::nullopt;
  return makedev(numbers[0], numbers[1]);
}

bool is_block(const struct stat& facts) { return S_ISBLK(facts.st_mode); }

void find_thin(dev_t device, std::vector<dev_t>& seen, std::vector<ThinFacts>& found) {
  for (const dev_t below : devices_below(device)) {
    if (std::ranges::find(seen, below) != seen.end()) continue;
    seen.push_back(below);
    if (const std::optional<ThinFacts> thin = thin_facts_of(below))
      found.push_back(*thin);
    else
      find_thin(below, seen, found);
  }
}

}  // namespace

std::vector<dev_t> devices_below(dev_t device, const std::string& sysfs) {
  std::vector<dev_t> below;
  const auto add = [&](const std::optional<dev_t>& found) {
    if (found) below.push_back(*found);
  };
  std::error_code problem;
  const fs::path folder = fs::canonical(
      fmt::format("{}/dev/block/{}:{}", sysfs, major(device), minor(device)), problem);
  if (problem) return below;
  if (fs::exists(folder / "partition", problem))
    add(device_number(line_of(folder.parent_path() / "dev")));
  for (const fs::directory_entry& slave : fs::directory_iterator(folder / "slaves", problem))
    add(device_number(line_of(slave.path() / "dev")));
  struct stat backing {};
  const std::string behind_loop = line_of(folder / "loop" / "backing_file");
  if (!behind_loop.empty() && stat(behind_loop.c_str(), &backing) == 0 && is_block(backing))
    add(backing.st_rdev);
  return below;
}

std::vector<ThinFacts> thin_volumes_below(int fd) {
  std::vector<ThinFacts> found;
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || !is_block(facts)) return found;
  std::vector<dev_t> seen = {facts.st_rdev};
  find_thin(facts.st_rdev, seen, found);
  return found;
}

void refuse_unzeroed_pool_below(int fd, const std::string& path) {
  for (const ThinFacts& thin : thin_volumes_below(fd)) {
    if (thin.zeroes_new_chunks) continue;
    fail(ErrorKind::unsupported,
         "{}: stands on a thin volume of pool {}, which does not zero new chunks: what is written "
         "there would bring old content up beside it; let the pool zero them, which can be done "
         "while it is in use (lvchange -Zy {}), or receive into the thin volume itself",
         path, thin.pool, thin.pool);
  }
}

}  // namespace bsr
