#include "bsr-recv/leftover.h"

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "formats/resume_token.h"
#include "platform/file_mark.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

using What = Waiting::What;

constexpr std::string_view kRecordSuffix = ".bsr-resume";

/// What a mark says: the stream that began, and where its record is.
struct HalfMark {
  BeginFrame begin;
  std::string record;
};

std::string mark_text(const BeginFrame& begin, const CheckpointFile& record) {
  return encode_token({continued_at(begin, {})}) + '\n' + record.path() + '\n';
}

/// A mark that cannot be understood is one all the same.
HalfMark parse_mark(const std::string& text) try {
  const size_t end = text.find('\n');
  if (end == std::string::npos || text.back() != '\n') return {};
  return {decode_started(text.substr(0, end)).begin, text.substr(end + 1, text.size() - end - 2)};
} catch (const Error&) {
  return {};
}

/// Of a mark, which is whoever's the file is: only one that is a record's is believed.
std::optional<CheckpointFile> record_at(const std::string& path) {
  if (!path.starts_with('/') || !path.ends_with(kRecordSuffix)) return std::nullopt;
  return CheckpointFile(folder_of(path), path.substr(path.rfind('/') + 1),
                        CheckpointFile::Folder::any);
}

}  // namespace

Leftover::Leftover(Naming naming, Thing thing)
    : naming_(std::move(naming)), thing_(std::move(thing)) {
  look();
}

void Leftover::look() {
  const std::optional<std::string> text =
      thing_->marked ? read_mark(*thing_->marked, Mark::half) : std::nullopt;
  std::optional<Checkpoint> found = thing_->record.read(thing_->identity);
  if (text) {
    const HalfMark mark = parse_mark(*text);
    waiting_ = begun(mark.begin);
    if (const std::optional<CheckpointFile> other = found ? std::nullopt : record_at(mark.record)) {
      found = other->read(thing_->identity);
      if (found) thing_->record = *other;
    }
  }
  if (!found) return;
  if (found->begin.resume.position == 0)
    waiting_ = begun(found->begin);
  else
    waiting_ = {What::resumable, std::move(found->begin)};
  logged_ = found->logged;
}

std::optional<std::string> Leftover::token() const {
  if (waiting_.what != What::resumable) return std::nullopt;
  return token_of(naming_, waiting_.begin);
}

void Leftover::remember_half() {
  const bool marked = thing_->marked && set_mark(*thing_->marked, Mark::half,
                                                 mark_text(waiting_.begin, thing_->record));
  if (marked || thing_->is_copy)
    thing_->record.remove();
  else
    thing_->record.write({thing_->identity, continued_at(waiting_.begin, {}), 0});
}

void Leftover::starts(const BeginFrame& begin) {
  waiting_ = begun(begin);
  try {
    remember_half();
  } catch (const Error& error) {
    thing_->record.remove();  // of an older transfer: that must not stay
    std::fputs(fmt::format("bsr-recv: {}: if this transfer is interrupted, nothing will tell that "
                           "the target is half written: {}\n",
                           naming_.target, error.what())
                   .c_str(),
               stderr);
  }
}

std::unique_ptr<WrittenLog> Leftover::open_log(bool kept) const {
  if (waiting_.what == What::resumable) return thing_->record.open_log(logged_);
  if (kept) try {
      return thing_->record.open_log(0);
    } catch (const Error& error) {
      std::fputs(fmt::format("bsr-recv: {}: this transfer cannot be continued if it is "
                             "interrupted: {}\n",
                             naming_.target, error.what())
                     .c_str(),
                 stderr);
    }
  return std::make_unique<WrittenLog>();
}

void Leftover::reached(const BeginFrame& begin, uint64_t logged) {
  thing_->record.write({thing_->identity, begin, logged});
  waiting_ = {What::resumable, begin};
}

void Leftover::drop() {
  if (!waiting_.is_half()) return;
  waiting_ = begun(waiting_.begin);
  remember_half();
}

void Leftover::gone() {
  if (thing_ && thing_->marked) remove_mark(*thing_->marked, Mark::half);
  if (thing_) thing_->record.remove();
  waiting_ = {};
}

void Leftover::tidy() const noexcept {
  try {
    if (thing_ && waiting_.what != What::resumable) thing_->record.remove_log();
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the failure that brought us here counts
                            // more, and nobody believes a log without a record
  }
}

void Leftover::fail_changed() const {
  fail(ErrorKind::diverged,
       "{}: what the interrupted transfer wrote is not there any more: the target was written to, "
       "restored or replaced since; nothing was changed; drop what waits with\n  bsr-recv -A {}\n"
       "and send {}",
       naming_.target, naming_.arguments,
       thing_->is_copy ? "it again from its start"
                       : "a full stream, or against its digests (bsr-recv --digests, bsr-send "
                         "--against)");
}

std::string Leftover::last_message() const {
  const bool in_place = thing_ && !thing_->is_copy;
  constexpr const char* kNeither =
      "it was being written in place and holds neither the old nor the new state";
  switch (waiting_.what) {
    case What::resumable:
      return fmt::format(
          "{} of {} are kept, continue with\n  {}", human_bytes(waiting_.begin.resume.position),
          human_bytes(waiting_.begin.volume_size), resume_command(naming_, waiting_.begin));
    case What::half:
      if (in_place) return fmt::format("{}; send a full stream", kNeither);
      break;
    case What::half_resync:
      if (in_place)
        return fmt::format(
            "{}; take its digests (bsr-recv --digests {}) and send against them (bsr-send "
            "--against)",
            kNeither, naming_.arguments);
      break;
    case What::nothing:
    case What::committed:
      break;
  }
  return "nothing was changed; send it again";
}

}  // namespace bsr
