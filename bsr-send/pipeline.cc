#include "bsr-send/pipeline.h"

#include "base/ordered_work.h"

namespace bsr {
namespace {

struct Encoded {
  EncodedBody body;
  uint64_t end_position = 0;
};

Encoded encode_piece(Piece piece, Compression compression) {
  const uint64_t end = end_of(piece);
  return {encode(std::move(piece), compression), end};
}

}  // namespace

void ship(PieceReader& pieces, BodyWriter& out, Compression compression, unsigned workers) {
  using Task = std::packaged_task<Encoded()>;
  work_in_order<Encoded>(
      workers,
      [&]() -> std::optional<Task> {
        std::optional<Piece> piece = pieces.next();
        if (!piece) return std::nullopt;
        return Task([piece = std::move(*piece), compression]() mutable {
          return encode_piece(std::move(piece), compression);
        });
      },
      [&](Encoded encoded) { out.write(std::move(encoded.body), encoded.end_position); });
}

}  // namespace bsr
