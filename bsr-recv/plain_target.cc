#include "bsr-recv/plain_target.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "bsr-recv/content_check.h"
#include "platform/device_stack.h"
#include "platform/file_mark.h"
#include "platform/patience.h"
#include "platform/small_file.h"
#include "platform/thin_device.h"
#include "platform/volume_identity.h"

namespace bsr {
namespace {

constexpr const char* kSuffix = ".bsr-resume";

std::optional<BlockFile> open_existing(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail_errno(errno, path);
    if (path.starts_with("/dev/") && !path.starts_with("/dev/shm/"))
      fail(ErrorKind::failed,
           "{}: there is no such device; if it is a logical volume, activate it first", path);
    return std::nullopt;
  }
  return while_busy([&] {
    BlockFile file(path, BlockFile::Access::write);
    if (flock(file.fd(), LOCK_EX | LOCK_NB) != 0)
      fail(ErrorKind::busy, "{}: another program has locked it; wait for that to end", path);
    return file;
  });
}

/// Beside a file, where that really is.
CheckpointFile record_beside(const std::string& path) {
  std::error_code problem;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(path, problem);
  const std::string real = problem ? path : whole.string();
  return {folder_of(real), real.substr(real.rfind('/') + 1) + kSuffix, CheckpointFile::Folder::any};
}

CheckpointFile record_of_device(const std::string& identity) {
  return {CheckpointFile::kFolder, CheckpointFile::name_of_device("recv", identity),
          CheckpointFile::Folder::ours};
}

Leftover::Thing thing_of(const BlockFile& file, const std::string& path) {
  const std::string identity = volume_identity(file.fd());
  if (file.is_block_device()) return {identity, record_of_device(identity)};
  return {identity, record_beside(path), file.fd()};
}

HoldingNote note_of(const BlockFile& file) { return {file.fd(), volume_identity(file.fd())}; }

/// A new file, which is only found under its temporary name.
Leftover::Thing new_thing(int fd, const std::string& path) {
  return {volume_identity(fd), record_beside(path), fd, true};
}

/// What an interrupted session left of a new file, for us alone.
std::unique_ptr<NewFile> open_partial(const std::string& path) {
  struct stat facts {};
  if (lstat(NewFile::partial_path(path).c_str(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return nullptr;
  return while_busy([&] { return std::make_unique<NewFile>(path, NewFile::Kind::continued); });
}

Leftover look_at(const std::optional<BlockFile>& existing, const std::unique_ptr<NewFile>& partial,
                 const std::string& path, Naming naming) {
  if (existing) return {std::move(naming), thing_of(*existing, path)};
  if (partial) return {std::move(naming), new_thing(partial->fd(), path)};
  return {std::move(naming), Waiting{}};
}

}  // namespace

PlainTarget::PlainTarget(std::string path, Naming naming, std::optional<std::string> base)
    : path_(std::move(path)),
      base_(std::move(base)),
      existing_(open_existing(path_)),
      exists_(existing_.has_value()),
      new_file_(exists_ ? nullptr : open_partial(path_)),
      left_(look_at(existing_, new_file_, path_, std::move(naming))) {}

void PlainTarget::drop_partial() {
  if (exists_) {
    if (!left_.waiting().is_half()) return left_.gone();  // of a file that was replaced
    left_.drop();
    return say(left_.last_message());
  }
  record_beside(path_).remove();
  if (new_file_) new_file_->drop();
}

uint64_t PlainTarget::existing_size() const {
  if (!exists_)
    fail(ErrorKind::base, "{}: does not exist; make it with the volume's size first", path_);
  return existing_->size();
}

PlainFacts PlainTarget::facts() const {
  PlainFacts facts;
  facts.base = base_;
  if (!existing_) return facts;
  facts.holding = note_of(*existing_).read();
  facts.size = existing_->size();
  facts.is_device = existing_->is_block_device();
  facts.may_hide = may_have_other_names(existing_->fd()) && !can_be_marked(existing_->fd());
  return facts;
}

Action PlainTarget::check(const BeginFrame& begin) {
  const PlainFacts facts = this->facts();
  const Action action = action_of(decide(begin, left_.naming(), left_.waiting(), facts));
  if (is_unproven(begin, left_.waiting(), facts))
    say(
        fmt::format("whether {} stood still on the sending side since it came here is not known "
                    "here",
                    begin.base_id));
  if (existing_) refuse_unzeroed_pool_below(existing_->fd(), path_);
  if (is_resync(begin))
    check_resync_base(path_, begin,
                      scan_file(
                          *existing_, [](const Digest&) {}, [](uint64_t) {})
                          .root);
  return action;
}

VolumeSink& PlainTarget::prepare(const BeginFrame& begin) {
  const bool continues = kind_of(begin) == StreamKind::continuing;
  if (!exists_) {
    if (!new_file_)
      new_file_ =
          while_busy([&] { return std::make_unique<NewFile>(path_, NewFile::Kind::partial); });
    else if (!continues)
      new_file_->restart();
    existing_.emplace(NewFile::partial_path(path_), BlockFile::Access::write);
    left_.is_about(new_thing(new_file_->fd(), path_));
  }
  const bool has_size = existing_->is_block_device() || existing_->size() == begin.volume_size;
  if (!continues) left_.starts(begin);
  if (!has_size && continues) left_.fail_changed();
  if (exists_) note_of(*existing_).remove();
  if (!has_size) existing_->resize(begin.volume_size);
  const std::optional<ThinFacts> thin =
      existing_->is_block_device() ? thin_facts(existing_->fd()) : std::nullopt;
  is_opaque_ = existing_->is_block_device() && !thin;
  sink_.emplace(std::move(*existing_), thin);
  return *sink_;
}

std::unique_ptr<DeltaSource> PlainTarget::may_hold(const BeginFrame& begin) {
  const bool starts_empty = is_new() && begin.resume.position == 0;
  return starts_empty ? std::make_unique<EmptyDelta>() : nullptr;
}

VolumeReader& PlainTarget::written() {
  if (!reader_) reader_.emplace(sink_->file());
  return *reader_;
}

void PlainTarget::record(const BeginFrame& begin, uint64_t logged) {
  left_.reached(begin, logged);
  if (new_file_) new_file_->keep();
}

/// What exists already holds its base there.
void PlainTarget::give_back_behind(uint64_t position) {
  if (new_file_) new_file_->cut_behind(position);
}

ContentResult PlainTarget::content(const BeginFrame&, GatheredLeaves* gathered,
                                   const std::function<void()>& tick) {
  return scan_file(
      sink_->file(), [&](const Digest&) { tick(); }, [&](uint64_t) { tick(); },
      default_scan_threads(), gathered);
}

void PlainTarget::discard() {
  if (!new_file_) return left_.drop();
  left_.gone();
  new_file_->drop();
}

/// For the next change. The target is whole with it and without it.
void PlainTarget::remember(const BeginFrame& begin) const try {
  static_cast<void>(note_of(sink_->file()).write({begin.snapshot_id, begin.snapshot_state}));
} catch (const Error& error) {
  say(fmt::format("what it holds now cannot be noted: {}", error.what()));
}

void PlainTarget::say(const std::string& text) const {
  std::fputs(fmt::format("bsr-recv: {}: {}\n", left_.naming().target, text).c_str(), stderr);
}

/// A new file gets its name last: with that it is whole for everybody. Whoever finds a record
/// without its file finds nothing.
void PlainTarget::commit(const BeginFrame& begin) {
  left_.gone();
  remember(begin);
  if (new_file_) new_file_->commit();
}

}  // namespace bsr
