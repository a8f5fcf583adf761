// Drives the classes of platform/ from a shell, for tests on real LVM: one command, one call.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "platform/device_mapper.h"
#include "platform/lvm.h"
#include "platform/signals.h"
#include "platform/thin_pool.h"

namespace bsr {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kUsage =
    "usage: platform-probe COMMAND\n"
    "  find VOLUME | list VG | list-all VG | pool POOL | status POOL | readable POOL\n"
    "  activate VOLUME | deactivate VOLUME | remove VOLUME | resize VOLUME BYTES\n"
    "  tag VOLUME TAG | untag VOLUME TAG\n"
    "  snapshot ORIGIN NAME [ro] [skip] [TAG...] | create POOL NAME BYTES [ro] [skip] [TAG...]\n"
    "  hold POOL SECONDS WAIT_SECONDS    takes the metadata snapshot, keeps it, releases it\n";

template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(format, std::forward<Args>(args)...);
  std::fflush(stdout);  // a test may kill us at any time
}

VolumeName name_of(const std::string& text) {
  const std::optional<VolumeName> name = parse_volume_name(text);
  if (!name) fail(ErrorKind::usage, "{} is not a volume's name", text);
  return *name;
}

void print(const LogicalVolume& volume) {
  std::string tags;
  for (const std::string& tag : volume.tags) tags += (tags.empty() ? "" : ",") + tag;
  say("{} uuid={} vg_uuid={} pool={} pool_uuid={} origin={} origin_uuid={} size={} extent={} "
      "thin_id={} "
      "active={:d} writable={:d} open={:d} skip={:d} thin={:d} thin_pool={:d} chunk={} tags={} "
      "time={} path={}\n",
      to_string(volume.name), volume.uuid, volume.vg_uuid, volume.pool, volume.pool_uuid,
      volume.origin, volume.origin_uuid, volume.size, volume.extent_size,
      volume.thin_id ? std::to_string(*volume.thin_id) : "-", volume.active, volume.writable,
      volume.open, volume.activation_skip, volume.is_thin, volume.is_thin_pool, volume.chunk_size,
      tags, volume.time, volume.path);
}

NewVolume how(const Words& words, size_t from) {
  NewVolume result;
  for (size_t i = from; i < words.size(); ++i) {
    if (words[i] == "ro") {
      result.read_only = true;
    } else if (words[i] == "skip") {
      result.activation_skip = true;
    } else {
      result.tags.push_back(words[i]);
    }
  }
  return result;
}

void print_pool(const VolumeName& name) {
  const ThinPool pool = Lvm().thin_pool(name);
  say("{} uuid={} size={} chunk={} discards={} zeroes={:d} active={:d}\n", to_string(pool.name),
      pool.uuid, pool.size, pool.chunk_size, static_cast<int>(pool.discards),
      pool.zeroes_new_chunks, pool.active);
}

void print_status(const VolumeName& pool) {
  const ThinPoolStatus status = thin_pool_status(pool_device(pool));
  say("{} {}/{} {}/{} {} mode={} discards={} error_if_no_space={:d} needs_check={:d}\n",
      status.transaction_id, status.used_metadata, status.total_metadata, status.used_data,
      status.total_data, status.held_root ? std::to_string(*status.held_root) : "-",
      static_cast<int>(status.mode), static_cast<int>(status.discards), status.error_if_no_space,
      status.needs_check);
}

void hold(const VolumeName& pool, int seconds, int wait_seconds) {
  using std::chrono::steady_clock;
  SnapshotOptions options;
  options.wait = std::chrono::seconds(wait_seconds);
  const ThinPool found = Lvm().thin_pool(pool);
  say("taking\n");
  MetadataSnapshot snapshot(found, options);
  say("held {} leftover={:d}\n", snapshot.held_root(), snapshot.released_leftover());
  const auto end = steady_clock::now() + std::chrono::seconds(seconds);
  while (steady_clock::now() < end) {
    throw_if_stopped();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  snapshot.release();
  say("released\n");
}

void obey(const Words& words) {
  const Lvm lvm;
  const auto word = [&](size_t i) -> const std::string& {
    if (i >= words.size()) fail(ErrorKind::usage, "{}", kUsage);
    return words[i];
  };
  const auto volume = [&](size_t i) { return name_of(word(i)); };
  const auto print_all = [](const std::vector<LogicalVolume>& volumes) {
    for (const LogicalVolume& each : volumes) print(each);
  };
  const std::map<std::string, std::function<void()>> commands{
      {"find",
       [&] {
         if (const auto found = lvm.find(volume(1))) return print(*found);
         say("none\n");
       }},
      {"list", [&] { print_all(lvm.list(word(1))); }},
      {"list-all", [&] { print_all(lvm.list(word(1), Lvm::Internal::included)); }},
      {"pool", [&] { print_pool(volume(1)); }},
      {"status", [&] { print_status(volume(1)); }},
      {"readable",
       [&] { say("{} {:d}\n", metadata_path(volume(1)), can_read_metadata(volume(1))); }},
      {"activate", [&] { lvm.activate(volume(1)); }},
      {"deactivate", [&] { lvm.deactivate(volume(1)); }},
      {"remove", [&] { lvm.remove(volume(1)); }},
      {"resize", [&] { lvm.resize(volume(1), std::stoull(word(2))); }},
      {"tag", [&] { lvm.add_tag(volume(1), word(2)); }},
      {"untag", [&] { lvm.remove_tag(volume(1), word(2)); }},
      {"snapshot", [&] { lvm.snapshot(volume(1), word(2), how(words, 3)); }},
      {"create", [&] { lvm.create_thin(volume(1), word(2), std::stoull(word(3)), how(words, 4)); }},
      {"hold", [&] { hold(volume(1), std::stoi(word(2)), std::stoi(word(3))); }},
  };
  const auto command = commands.find(word(0));
  if (command == commands.end()) fail(ErrorKind::usage, "{}", kUsage);
  command->second();
}

}  // namespace
}  // namespace bsr

int main(int argc, char** argv) try {
  bsr::install_signal_handlers();
  bsr::obey({argv + 1, argv + argc});
  return 0;
} catch (const bsr::Error& error) {
  fmt::print(stderr, "{}: {}\n", bsr::id(error.kind()), error.what());
  return error.kind() == bsr::ErrorKind::interrupted ? 128 + bsr::stop_signal()
                                                     : bsr::exit_code(error.kind());
} catch (const std::exception& error) {
  fmt::print(stderr, "platform-probe: {}\n", error.what());
  return 1;
}
