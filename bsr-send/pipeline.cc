#include "bsr-send/pipeline.h"

#include "base/ordered_work.h"
#include "base/overload.h"
#include "bsr-send/noise.h"
#include "platform/clock.h"

namespace bsr {
namespace {

using stream::FrameType;

// What becomes shorter than this part of it was no noise.
constexpr double kShorter = 0.95;

/// Encodes parts for many threads.
class Encoder {
 public:
  explicit Encoder(const Effort& effort) : effort_(effort) {}

  EncodedCut encode(Cut cut) {
    EncodedCut encoded = {std::nullopt, cut.end, cut.plan_data};
    std::visit(Overload{
                   [](std::monostate) {},
                   [&](auto& body) { encoded.body = encode(std::move(body)); },
               },
               cut.body);
    return encoded;
  }

 private:
  /// Patches may be short even where their content alone is not.
  EncodedBody encode(PatchDraft&& draft) {
    return bsr::encode(std::move(draft), effort_.compression());
  }

  EncodedBody encode(Piece&& piece) {
    const Compression compression = effort_.compression();
    if (!compression.enabled || !looks_like_noise(piece))
      return bsr::encode(std::move(piece), compression);
    if (trust_.trusts()) return bsr::encode(std::move(piece), Compression{.enabled = false});
    EncodedBody body = bsr::encode(std::move(piece), compression);
    if (static_cast<double>(body.content.size()) <
        kShorter * static_cast<double>(body.decoded_bytes))
      trust_.was_wrong();
    return body;
  }

  [[nodiscard]] bool looks_like_noise(const Piece& piece) const {
    const auto* data = std::get_if<DataFrame>(&piece);
    return effort_.chooses_compression() && data != nullptr && bsr::looks_like_noise(data->content);
  }

  const Effort& effort_;
  SampleTrust trust_;
};

}  // namespace

uint64_t EncodedCut::bytes_of(stream::FrameType type) const {
  return body && body->type == type ? body->decoded_bytes : 0;
}

void ship(PieceReader& pieces, CutWriter& out, Effort& effort, unsigned workers) {
  using Task = std::packaged_task<EncodedCut()>;
  std::atomic<Effort::Duration::rep> encoding = 0;
  Encoder encoder(effort);
  auto last = steady_now();
  work_in_order<EncodedCut>(
      workers,
      [&]() -> std::optional<Task> {
        std::optional<Cut> cut = pieces.next();
        if (!cut) return std::nullopt;
        return Task([cut = std::move(*cut), &encoder, &encoding]() mutable {
          const auto begin = steady_now();
          EncodedCut encoded = encoder.encode(std::move(cut));
          encoding += (steady_now() - begin).count();
          return encoded;
        });
      },
      [&](EncodedCut cut) {
        const auto begin = steady_now();
        Effort::Work work = {
            .planned = cut.plan_data,
            .zeros = cut.bytes_of(FrameType::zero),
            .encoded = cut.bytes_of(FrameType::data) + cut.bytes_of(FrameType::patch),
            .sent = cut.body ? cut.body->content.size() : 0,
            .encoding = Effort::Duration(encoding.exchange(0))};
        out.write(std::make_shared<const EncodedCut>(std::move(cut)));
        const auto end = steady_now();
        work.all = end - last;
        work.writing = end - begin;
        effort.passed(work);
        last = end;
      });
}

}  // namespace bsr
