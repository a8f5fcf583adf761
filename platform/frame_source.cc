#include "platform/frame_source.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "formats/advance.h"
#include "formats/frame_decoder.h"
#include "formats/legacy_stream.h"
#include "formats/stream_grammar.h"
#include "platform/clock.h"

namespace bsr {
namespace {

constexpr size_t kReadSize = 256 * 1024;
// What comes behind END is refused. That nothing comes need not be seen to the end: somebody may
// hold the other end of the pipe who has nothing to say.
constexpr std::chrono::seconds kBehindEnd{2};
constexpr size_t kForeignShown = 60;  // bytes of what is no stream
constexpr std::chrono::milliseconds kForeignWait{500};

/// Says what came instead of a stream, and stops reading: whoever wrote it may have no end.
[[noreturn]] void fail_foreign(FdInput& input, Bytes begin) {
  const size_t have = begin.size();
  begin.resize(kForeignShown);
  begin.resize(have + input.read_soon(std::span(begin).subspan(have), kForeignWait));
  std::string shown;
  for (const std::byte byte : begin) {
    const char letter = static_cast<char>(byte);
    if (letter == '\n')
      shown += "\\n";
    else if (letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\')
      shown += letter;
    else
      shown += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
  }
  fail(ErrorKind::corrupt,
       "the input is not a bsr stream, it begins with \"{}\"; if it comes from another host, its "
       "shell prints that before bsr-send begins (see ~/.bashrc, ~/.profile and ~/.ssh/rc there): "
       "`ssh HOST true` must print nothing",
       shown);
}

// Handing on a frame takes others this long, though we do not see it.
constexpr StallClock::Duration kLeastBusy = std::chrono::microseconds(20);

/// A sender that waits, and one that sends what gets nobody further, use up the same patience.
void account(FdInput& input, Advance advance, StallClock::Duration busy) {
  switch (advance) {
    case Advance::none:
      break;
    case Advance::sign_of_life:
      input.sign_of_life();
      break;
    case Advance::progress:
      input.progress();
      return;
  }
  input.spent(std::max(busy, kLeastBusy));
}

class Format1Source final : public FrameSource {
 public:
  Format1Source(FdInput& input, const StreamStart& start, std::stop_token stop)
      : input_(input), stop_(std::move(stop)) {
    decoder_.feed(start.bytes());
  }

  std::optional<Frame> next() override {
    auto begin = steady_now();
    std::optional<Frame> frame = decoder_.next();
    while (!frame) {
      const auto space = decoder_.space(kReadSize).first(kReadSize);
      const size_t got =
          ended_ ? input_.read_soon(space, kBehindEnd, stop_) : input_.read_some(space, stop_);
      begin = steady_now();
      if (got == 0) {
        decoder_.finish();
        return std::nullopt;
      }
      decoder_.fed(got);
      frame = decoder_.next();
    }
    grammar_.check(*frame);
    account(input_, meter_.of(frame->body, grammar_.progress().position), steady_now() - begin);
    ended_ = std::holds_alternative<EndFrame>(frame->body);
    return frame;
  }

  [[nodiscard]] uint64_t wire_bytes() const override { return decoder_.position(); }
  [[nodiscard]] ResumePoint progress() const override { return grammar_.progress(); }

 private:
  FdInput& input_;
  std::stop_token stop_;
  FrameDecoder decoder_;
  StreamGrammar grammar_;
  AdvanceMeter meter_;
  bool ended_ = false;
};

class LegacySource final : public FrameSource {
 public:
  LegacySource(FdInput& input, const StreamStart& start, uint64_t volume_size, std::stop_token stop)
      : input_(input),
        volume_size_(volume_size),
        stop_(std::move(stop)),
        buffer_(kReadSize),
        meter_(volume_size) {
    feed(start.bytes());
  }

  std::optional<Frame> next() override {
    for (auto busy_since = steady_now();;) {
      while (const std::optional<LegacyItem> item = decoder_.next())
        if (std::optional<FrameBody> body = to_body(*item)) {
          account(input_, meter_.of(*body, end_), steady_now() - busy_since);
          const uint64_t begin = std::exchange(shown_, decoder_.position());
          const auto length = static_cast<uint32_t>(shown_ - begin);
          return Frame{std::move(*body), sequence_++, begin, length, false};
        }
      input_.spent(steady_now() - busy_since);
      const size_t got = input_.read_some(buffer_, stop_);
      busy_since = steady_now();
      if (got == 0) break;
      feed(ByteView(buffer_).first(got));
    }
    decoder_.finish();
    return std::nullopt;
  }

  [[nodiscard]] uint64_t wire_bytes() const override { return wire_bytes_; }
  [[nodiscard]] ResumePoint progress() const override { return {0, totals_}; }

 private:
  void feed(ByteView bytes) {
    decoder_.feed(bytes);
    wire_bytes_ += bytes.size();
  }

  Extent counted(Extent extent, uint64_t& bytes) {
    if (extent.end() > volume_size_)
      fail(ErrorKind::base,
           "the stream writes at {}, the target has {} bytes; give a target of the volume's size",
           extent.offset, volume_size_);
    ++totals_.frames;
    ++totals_.extents;
    bytes += extent.length;
    end_ = extent.end();
    return extent;
  }

  std::optional<FrameBody> to_body(const LegacyItem& item) {
    if (const auto* data = std::get_if<LegacyData>(&item)) {
      DataFrame frame;
      frame.extents.push_back(counted({data->offset, data->bytes.size()}, totals_.data_bytes));
      frame.content.assign(data->bytes.begin(), data->bytes.end());
      return frame;
    }
    if (const auto* unmap = std::get_if<LegacyUnmap>(&item))
      return UnmapFrame{{counted(unmap->extent, totals_.unmap_bytes)}};
    if (std::holds_alternative<LegacyEnd>(item)) return EndFrame{totals_, {}};
    return std::nullopt;  // BEGIN says nothing; it is counted with what follows
  }

  FdInput& input_;
  uint64_t volume_size_;
  std::stop_token stop_;
  Bytes buffer_;
  LegacyDecoder decoder_;
  AdvanceMeter meter_;
  uint64_t end_ = 0;  // of the last extent
  Totals totals_;
  uint64_t wire_bytes_ = 0;
  uint64_t sequence_ = 0;
  uint64_t shown_ = 0;  // bytes of the stream that the frames so far account for
};

}  // namespace

StreamStart::StreamStart(FdInput& input) {
  constexpr size_t kEnough = 8;  // both formats begin with their magic
  bytes_.resize(kEnough);
  size_t have = 0;
  while (have < kEnough) {
    const size_t got = input.read_some(std::span(bytes_).subspan(have));
    if (got == 0) break;
    have += got;
  }
  bytes_.resize(have);
  legacy_ = looks_legacy(bytes_);
  if (have > 0 && !legacy_ && !looks_like_format1(bytes_)) fail_foreign(input, bytes_);
}

std::unique_ptr<FrameSource> open_format1(FdInput& input, const StreamStart& start,
                                          std::stop_token stop) {
  return std::make_unique<Format1Source>(input, start, std::move(stop));
}

std::unique_ptr<FrameSource> open_legacy(FdInput& input, const StreamStart& start,
                                         uint64_t volume_size, std::stop_token stop) {
  return std::make_unique<LegacySource>(input, start, volume_size, std::move(stop));
}

}  // namespace bsr
