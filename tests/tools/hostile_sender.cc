// hostile-sender KIND [SIZE [BASE BASE_SIZE]]: streams with right checksums that claim much or get
// nobody further, on standard output. SIZE: bytes of the volume; BASE: identity of what the stream
// is a change to; without, a full one.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "formats/frame_encoder.h"
#include "formats/patch.h"

namespace {

using namespace bsr;

constexpr uint64_t kKib = 1024;
constexpr uint64_t kMib = 1024 * kKib;

void put(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) _exit(0);  // nobody listens any more, which is the aim
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

void pause_a_little() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

BeginFrame begin_of(int argc, char** argv) {
  BeginFrame begin;
  begin.volume_size = argc > 2 ? strtoull(argv[2], nullptr, 0) : 64 * kMib;
  begin.chunk_size = 64 * kKib;
  begin.volume_id = "volume";
  begin.snapshot_id = "hostile";
  begin.name = "hostile";
  begin.snapshot_time = 1736121602;
  begin.plan_data = begin.volume_size;
  begin.plan_extents = 1;
  if (std::string(argv[1]) == "nothing") begin.plan_data = begin.plan_extents = 0;
  if (argc > 4) {
    begin.snapshot_id = "hostile-change";
    begin.base_id = argv[3];
    begin.base_size = strtoull(argv[4], nullptr, 0);
  }
  return begin;
}

class Stream {
 public:
  explicit Stream(BeginFrame begin) : begin_(std::move(begin)), totals_(begin_) {
    put(encode(begin_));
  }

  [[nodiscard]] uint64_t size() const { return begin_.volume_size; }

  void change(const EncodedBody& body) {
    totals_.add(body.type, body.extents, body.decoded_bytes, body.hash);
    put(body);
  }
  void checkpoint(uint64_t position) { put(encode(CheckpointFrame{position, totals_.digest()})); }
  void content(uint64_t position) { put(encode(ContentFrame{position})); }
  void skippable(size_t size) {
    EncodedBody body = encode(CheckpointFrame{});
    body.type = static_cast<stream::FrameType>(0x8000);
    if (size > 0) body = later_version(size);
    put(body);
  }
  void end(const Digest& content_root = {}) {
    put(encode(EndFrame{totals_.value(), content_root}));
  }

 private:
  /// What a frame of zeros has, but for its type: its checksum is the same.
  static EncodedBody later_version(size_t size) {
    DataFrame data{{{0, size}}, AlignedBytes(size)};
    EncodedBody body = encode(std::move(data), {.enabled = false});
    body.type = static_cast<stream::FrameType>(0x8000);
    body.flags = 0;
    return body;
  }
  void put(const EncodedBody& body) {
    const Bytes header = encode_header(body, sequence_++);
    ::put(header);
    ::put(body.table);
    ::put(body.content);
  }

  BeginFrame begin_;
  TransferTotals totals_;
  uint64_t sequence_ = 0;
};

AlignedBytes noise(size_t size, uint64_t seed) {
  AlignedBytes bytes(size);
  for (size_t i = 0; i + 8 <= size; i += 8) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    store_le(std::span(bytes).subspan(i), 0, seed);
  }
  return bytes;
}

// ---- what claims much ------------------------------------------------------------------------
void nothing(Stream& stream) { stream.end(); }

void wrong_root(Stream& stream) {
  Digest root;
  root.fill(std::byte{7});
  stream.end(root);
}

void at_the_end(Stream& stream) {
  stream.checkpoint(stream.size() / 2);
  DataFrame last{{{stream.size() - 4096, 4096}}, AlignedBytes(4096, std::byte{7})};
  stream.change(encode(std::move(last), {}));
  stream.checkpoint(stream.size());
  stream.end();
}

void all_zeros(Stream& stream) {
  stream.change(encode(ZeroFrame{{{0, stream.size()}}}));
  stream.end();
}

// ---- what gets nobody further ----------------------------------------------------------------
[[noreturn]] void skippable(Stream& stream) {
  for (;;) stream.skippable(kMib);
}
[[noreturn]] void small_skippable(Stream& stream) {
  for (;;) stream.skippable(0);
}
[[noreturn]] void slow_skippable(Stream& stream) {
  for (;; pause_a_little()) stream.skippable(0);
}
[[noreturn]] void checkpoints(Stream& stream) {
  for (;;) stream.checkpoint(0);
}
[[noreturn]] void slow_checkpoints(Stream& stream) {
  for (;; pause_a_little()) stream.checkpoint(0);
}
void creeping_checkpoints(Stream& stream) {
  for (uint64_t at = 0; at < stream.size(); at += 512, pause_a_little()) stream.checkpoint(at);
}
[[noreturn]] void content_frames(Stream& stream) {
  for (;;) stream.content(0);
}
[[noreturn]] void slow_content_frames(Stream& stream) {
  stream.checkpoint(0);
  for (;; pause_a_little()) stream.content(0);
}
void creeping_zeros(Stream& stream) {
  for (uint64_t at = 0; at < stream.size(); at += 1024)
    stream.change(encode(ZeroFrame{{{at, 512}}}));
}
void slow_zeros(Stream& stream) {
  for (uint64_t at = 0; at < stream.size(); at += 1024, pause_a_little())
    stream.change(encode(ZeroFrame{{{at, 512}}}));
}

// ---- what takes the most memory --------------------------------------------------------------
void most_extents(Stream& stream) {
  for (uint64_t at = 0; at + 4 * kMib <= stream.size(); at += 4 * kMib) {
    ZeroFrame zero;
    for (uint64_t i = 0; i < stream::kMaxExtents; ++i) zero.extents.push_back({at + i * kKib, 512});
    stream.change(encode(zero));
  }
  stream.end();
}

void most_pieces(Stream& stream) {
  for (uint64_t at = 0; at + 2 * kMib <= stream.size(); at += 2 * kMib) {
    DataFrame data;
    for (uint64_t i = 0; i < 2048; ++i) data.extents.push_back({at + i * kKib, 512});
    data.content = noise(kMib, at + 1);
    stream.change(encode(std::move(data), {.enabled = false}));
  }
  stream.end();
}

/// None of which is whole, and all of which are wanted for the content root.
void most_leaves(Stream& stream) {
  stream.content(0);
  most_pieces(stream);
}

void most_packed(Stream& stream) {
  for (uint64_t at = 0; at + kMib <= stream.size(); at += kMib) {
    DataFrame data{{{at, kMib}}, AlignedBytes(kMib)};
    data.content.back() = std::byte{1};
    stream.change(encode(std::move(data), {.enabled = true, .level = 19}));
  }
  stream.end();
}

/// Against a base of zeros: each refers to as many places, of as many bytes, as there can be.
void most_references(Stream& stream) {
  for (uint64_t at = 0; at + kMib <= stream.size() / 2; at += kMib) {
    PatchDraft draft{{{at, kMib}}, noise(kMib, at + 1), AlignedBytes(2 * kMib), {}};
    for (uint64_t i = 0; i < stream::kMaxReferences; ++i)
      draft.references.push_back(
          {stream.size() / 2 + i * 64 * kKib, kMib / stream::kMaxReferences});
    std::ranges::fill(std::span(draft.content).first(kMib / 2), std::byte{0});
    stream.change(encode(std::move(draft), {}));
  }
  stream.end();
}

/// A chunk that may be passed over, of the format of thin-send-recv 1.1, and never ends.
[[noreturn]] void legacy_optional() {
  const auto header = [](uint64_t length, uint32_t command) {
    Bytes bytes;
    append_be(bytes, uint64_t{0x24C4F02AAE2E4FA9});
    append_be(bytes, uint64_t{0});
    append_be(bytes, length);
    append_be(bytes, command);
    put(bytes);
  };
  header(0, 2);
  header(1ULL << 62, 0x80000000);
  const Bytes zeros(64 * kKib);
  for (;;) put(zeros);
}

const std::map<std::string, void (*)(Stream&)> kKinds = {
    {"nothing", nothing},
    {"wrong-root", wrong_root},
    {"at-the-end", at_the_end},
    {"all-zeros", all_zeros},
    {"skippable", skippable},
    {"small-skippable", small_skippable},
    {"slow-skippable", slow_skippable},
    {"checkpoints", checkpoints},
    {"slow-checkpoints", slow_checkpoints},
    {"creeping-checkpoints", creeping_checkpoints},
    {"content-frames", content_frames},
    {"slow-content-frames", slow_content_frames},
    {"creeping-zeros", creeping_zeros},
    {"slow-zeros", slow_zeros},
    {"most-extents", most_extents},
    {"most-pieces", most_pieces},
    {"most-leaves", most_leaves},
    {"most-packed", most_packed},
    {"most-references", most_references},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  signal(SIGPIPE, SIG_IGN);
  if (kind == "legacy-optional") legacy_optional();
  const auto found = kKinds.find(kind);
  if (found == kKinds.end()) {
    for (const auto& known : kKinds) puts(known.first.c_str());
    return 2;
  }
  Stream stream(begin_of(argc, argv));
  found->second(stream);
  return 0;
}
