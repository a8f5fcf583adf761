#include "bsr-send/pipeline.h"

#include "base/ordered_work.h"
#include "base/overload.h"

namespace bsr {
namespace {

EncodedCut encode(Cut cut, Compression compression) {
  EncodedCut encoded = {std::nullopt, cut.end, cut.plan_data};
  std::visit(Overload{
                 [](std::monostate) {},
                 [&](auto& body) { encoded.body = bsr::encode(std::move(body), compression); },
             },
             cut.body);
  return encoded;
}

}  // namespace

void ship(PieceReader& pieces, CutWriter& out, Compression compression, unsigned workers) {
  using Task = std::packaged_task<EncodedCut()>;
  work_in_order<EncodedCut>(
      workers,
      [&]() -> std::optional<Task> {
        std::optional<Cut> cut = pieces.next();
        if (!cut) return std::nullopt;
        return Task([cut = std::move(*cut), compression]() mutable {
          return encode(std::move(cut), compression);
        });
      },
      [&](EncodedCut cut) { out.write(std::make_shared<const EncodedCut>(std::move(cut))); });
}

}  // namespace bsr
