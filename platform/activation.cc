#include "platform/activation.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "platform/pool_files.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

constexpr std::string_view kNotePrefix = "active-";  // and the volume's UUID
constexpr std::chrono::seconds kWait{60};            // for the turn of another one

/// Who has this decides alone whose a volume is. It is held while LVM works, so for seconds.
FileLock take_turn(const ActivationPlace& place, OnStop on_stop) {
  return {place.folder, "activation", "the activation of volumes",
          std::chrono::steady_clock::now() + kWait, on_stop};
}

std::string note_name(const std::string& uuid) { return std::string(kNotePrefix) + uuid; }

UniqueFd open_note(int folder, const std::string& name) {
  UniqueFd note(openat(folder, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!note && errno != ENOENT) fail_errno(errno, "opening " + name);
  return note;
}

bool lock(const UniqueFd& note, int how) { return flock(note.get(), how | LOCK_NB) == 0; }

/// Whether it is of this boot: the folder may be on a disk.
bool is_of_this_boot(int folder, const std::string& name) {
  return read_small_file(folder, name) == ProcessIdentity::ours().boot_id;
}

std::vector<std::string> uuids_of_notes(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> files(opendir(folder.c_str()), closedir);
  if (!files) fail_errno(errno, "reading folder " + folder);
  std::vector<std::string> uuids;
  while (const dirent* file = readdir(files.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = static_cast<const char*>(file->d_name);
    if (name.starts_with(kNotePrefix) && !name.ends_with(".new"))
      uuids.emplace_back(name.substr(kNotePrefix.size()));
  }
  return uuids;
}

void say(const std::string& text) {
  std::fputs(fmt::format("{}: {}\n", program_invocation_short_name, text).c_str(), stderr);
}

}  // namespace

Activation::Activation(const Lvm& lvm, const LogicalVolume& volume, ActivationPlace place)
    : lvm_(lvm), volume_(volume), place_(std::move(place)) {
  const FileLock turn = take_turn(place_, OnStop::give_up);
  const UniqueFd folder = open_private_folder(place_.folder);
  const std::string name = note_name(volume_.uuid);
  UniqueFd note = open_note(folder.get(), name);
  if (note && !is_of_this_boot(folder.get(), name)) note.reset();
  const bool noted = static_cast<bool>(note);
  // What LVM said about it may be of before our turn.
  const bool active = place_.has_device(device_mapper_name(volume_.name));
  if (active && !noted) return;  // whoever activated it deactivates it
  if (!noted) note = replace_small_file(folder.get(), name, ProcessIdentity::ours().boot_id);
  if (!lock(note, LOCK_SH)) fail_errno(errno, "locking " + name);
  note_ = std::move(note);
  if (!active) activate(folder.get(), noted);
}

void Activation::activate(int folder, bool noted) try {
  lvm_.activate(volume_.name);
  if (place_.has_device(device_mapper_name(volume_.name))) return;
  fail(
      ErrorKind::failed,
      "{}: LVM did not activate it and gave no reason, so its configuration leaves it out: see "
      "`lvmconfig activation/volume_list`, and `vgs -o+vg_lock_type,vg_shared {}` for a group that "
      "other hosts use too",
      to_string(volume_.name), volume_.name.vg);
} catch (...) {
  if (!noted) unlinkat(folder, note_name(volume_.uuid).c_str(), 0);
  throw;
}

Activation::~Activation() {
  try {
    release();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the failure that brought us
                                     // here counts more, and the next session puts it back
  }
}

void Activation::release() {
  if (!note_) return;
  const UniqueFd note = std::move(note_);
  const FileLock turn = take_turn(place_, OnStop::carry_on);
  if (!lock(note, LOCK_EX)) return;  // the others put it back
  lvm_.deactivate(volume_.name);
  const UniqueFd folder = open_private_folder(place_.folder);
  unlinkat(folder.get(), note_name(volume_.uuid).c_str(), 0);
}

void Activation::release_unless_in_use() try { release(); } catch (const Error& error) {
  if (!place_.has_device(device_mapper_name(volume_.name))) throw;
  say(fmt::format("{} stays active until the next session, because somebody has it open, or: {}",
                  to_string(volume_.name), error.what()));
}

std::vector<std::string> put_back_abandoned(const Lvm& lvm, const ActivationPlace& place) {
  const FileLock turn = take_turn(place, OnStop::give_up);
  const UniqueFd folder = open_private_folder(place.folder);
  std::vector<std::string> names;
  for (const std::string& uuid : uuids_of_notes(place.folder)) {
    const std::string name = note_name(uuid);
    const UniqueFd note = open_note(folder.get(), name);
    if (!note || !lock(note, LOCK_EX)) continue;  // its owner lives
    if (is_of_this_boot(folder.get(), name)) {
      // Clones of a group have the same UUIDs: which one was meant the note does not say.
      const std::vector<LogicalVolume> volumes = lvm.find_uuid(uuid);
      if (std::ranges::any_of(volumes, &LogicalVolume::open)) continue;
      // Also when it is not active yet: a program that its owner started may be about to do that,
      // and LVM's own lock lets us wait for it.
      for (const LogicalVolume& volume : volumes) {
        lvm.deactivate(volume.name);
        names.push_back(to_string(volume.name));
      }
    }
    unlinkat(folder.get(), name.c_str(), 0);
  }
  return names;
}

void put_back_abandoned_and_say(const Lvm& lvm) try {
  if (geteuid() != 0) return;  // what needs LVM says so
  for (const std::string& name : put_back_abandoned(lvm))
    say(name + ": is deactivated, a session that was killed had left it active");
} catch (const Error& error) {
  if (error.kind() == ErrorKind::interrupted) throw;
  say(fmt::format("what a session left active that was killed stays so: {}", error.what()));
}

}  // namespace bsr
