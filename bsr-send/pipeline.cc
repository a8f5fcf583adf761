// Order and failures travel in one queue of futures: the writer waits for each piece in the order
// in which pieces were read, and a failure is rethrown where its result is awaited.
#include "bsr-send/pipeline.h"

#include <future>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"

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
  if (workers == 0) {
    while (std::optional<Piece> piece = pieces.next()) {
      Encoded encoded = encode_piece(std::move(*piece), compression);
      out.write(std::move(encoded.body), encoded.end_position);
    }
    return;
  }

  BoundedQueue<std::packaged_task<Encoded()>> work(workers + 1);
  BoundedQueue<std::future<Encoded>> in_order(workers + 1);
  std::jthread reader([&] {
    try {
      while (std::optional<Piece> piece = pieces.next()) {
        std::packaged_task<Encoded()> task([piece = std::move(*piece), compression]() mutable {
          return encode_piece(std::move(piece), compression);
        });
        if (!in_order.push(task.get_future()) || !work.push(std::move(task))) break;
      }
    } catch (...) {
      std::promise<Encoded> failed;
      failed.set_exception(std::current_exception());
      in_order.push(failed.get_future());
    }
    work.close();
    in_order.close();
  });
  std::vector<std::jthread> encoders;
  for (unsigned i = 0; i < workers; ++i)
    encoders.emplace_back([&] {
      while (std::optional<std::packaged_task<Encoded()>> task = work.pop()) (*task)();
    });
  const CloseOnExit stop(work, in_order);

  while (std::optional<std::future<Encoded>> future = in_order.pop()) {
    Encoded encoded = future->get();
    out.write(std::move(encoded.body), encoded.end_position);
  }
}

}  // namespace bsr
