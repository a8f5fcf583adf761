#include "bsr-send/pipeline.h"

#include "base/ordered_work.h"
#include "base/overload.h"
#include "platform/clock.h"

namespace bsr {
namespace {

using stream::FrameType;

Compression compression_of(const Piece& piece, const Effort& effort) {
  const auto* data = std::get_if<DataFrame>(&piece);
  return data != nullptr ? effort.compression_of(data->content) : Compression{};
}

/// A patch may be short even where its content alone is not.
Compression compression_of(const PatchDraft&, const Effort& effort) { return effort.compression(); }

EncodedCut encode(Cut cut, const Effort& effort) {
  EncodedCut encoded = {std::nullopt, cut.end, cut.plan_data};
  std::visit(Overload{
                 [](std::monostate) {},
                 [&](auto& body) {
                   const Compression compression = compression_of(body, effort);
                   encoded.body = bsr::encode(std::move(body), compression);
                 },
             },
             cut.body);
  return encoded;
}

}  // namespace

uint64_t EncodedCut::bytes_of(stream::FrameType type) const {
  return body && body->type == type ? body->decoded_bytes : 0;
}

void ship(PieceReader& pieces, CutWriter& out, Effort& effort, unsigned workers) {
  using Task = std::packaged_task<EncodedCut()>;
  std::atomic<Effort::Duration::rep> encoding = 0;
  auto last = steady_now();
  work_in_order<EncodedCut>(
      workers,
      [&]() -> std::optional<Task> {
        std::optional<Cut> cut = pieces.next();
        if (!cut) return std::nullopt;
        return Task([cut = std::move(*cut), &effort, &encoding]() mutable {
          const auto begin = steady_now();
          EncodedCut encoded = encode(std::move(cut), effort);
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
