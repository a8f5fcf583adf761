#include "bsr-send/fan_out.h"

#include <thread>
#include <utility>

#include "base/error.h"
#include "platform/signals.h"

namespace bsr {
namespace {

// How often a receiver hears from us while nothing is sent.
constexpr std::chrono::seconds kSignOfLife{10};

}  // namespace

FanOut::FanOut(Session session, std::deque<StreamOutput>& outputs, ProgressMeter& meter,
               Reports reports)
    : session_(std::move(session)),
      outputs_(outputs),
      reports_(std::move(reports)),
      progress_(meter, outputs.size()),
      tee_(outputs.size(), session_.slow,
           [this] {
             throw_if_stopped();
             progress_.tick();
           }),
      root_ready_(root_.get_future().share()),
      failures_(outputs.size()) {}

std::vector<std::optional<Error>> FanOut::run() {
  if (is_alone()) {
    serve(0);
    return std::move(failures_);
  }
  std::vector<std::jthread> threads;
  try {
    for (size_t i = 0; i < outputs_.size(); ++i) threads.emplace_back([this, i] { serve(i); });
  } catch (...) {  // no more threads to be had
    tee_.finish(std::current_exception());
    throw;
  }
  feed();
  threads.clear();  // joins them
  return std::move(failures_);
}

/// For all outputs that keep pace.
void FanOut::feed() {
  try {
    session_.ship_from(session_.begin.resume.position, tee_);
    tee_.finish();
  } catch (...) {
    tee_.finish(std::current_exception());
    if (tee_.is_taken()) {  // else what was thrown says only that nobody keeps pace any more
      root_.set_exception(std::current_exception());
      return;
    }
  }
  if (tee_.anyone_left()) find_root();
}

void FanOut::find_root() {
  try {
    root_.set_value(session_.content_root([this](uint64_t position) {
      looked_at_ = position;
      if (!tee_.anyone_left()) fail(ErrorKind::peer, "no output is left");
      progress_.tick();
    }));
  } catch (...) {
    root_.set_exception(std::current_exception());
  }
}

void FanOut::serve(size_t index) {
  try {
    write_stream(index);
  } catch (...) {
    tee_.leave(index);
    progress_.forget(index);
    outputs_.at(index).give_up();
    failures_.at(index) = as_error(std::current_exception());
    if (reports_.failed) reports_.failed(index, *failures_.at(index));
  }
}

void FanOut::write_stream(size_t index) {
  StreamOutput& output = outputs_.at(index);
  const auto tick = [this] { progress_.tick(); };
  Shipped shipped;
  {
    const auto while_nobody_reads = [this] {
      tee_.check();
      progress_.tick();
    };
    FdOutput to(output.open(while_nobody_reads, session_.stall), tick, session_.stall,
                session_.limit);
    StreamWriter writer(std::move(to), session_.begin, [this, index](uint64_t done, uint64_t wire) {
      progress_.update(index, done, wire);
    });
    if (session_.root != Session::Root::none) writer.content(0);
    if (session_.ship_first)
      session_.ship_first([&writer](const EncodedBody& body) { writer.holds(body); });
    ship_to(index, writer);
    shipped.content_root = wait_for_root(index, writer);
    shipped.totals = writer.finish(shipped.content_root);
    shipped.figures = progress_.figures(index);
    shipped.figures.wire = writer.wire_bytes();
  }
  output.commit();
  progress_.forget(index);
  if (reports_.complete) reports_.complete(index, shipped);
}

void FanOut::ship_to(size_t index, StreamWriter& writer) {
  uint64_t position = session_.begin.resume.position;
  if (is_alone()) {
    session_.ship_from(position, writer);
    return;
  }
  while (const CutPtr cut = tee_.take(index)) {
    writer.write(cut);
    position = cut->end;
  }
  if (!tee_.was_dropped(index)) return;
  if (reports_.slow) reports_.slow(index, position);
  session_.ship_from(position, writer);
}

Digest FanOut::wait_for_root(size_t index, StreamWriter& writer) {
  const bool takes_long = session_.root == Session::Root::computed;
  if (takes_long) writer.checkpoint();
  std::jthread finding;
  if (is_alone() && !takes_long) find_root();
  if (is_alone() && takes_long) finding = std::jthread([this] { find_root(); });
  try {
    // Older readers pass over the first.
    while (root_ready_.wait_for(kSignOfLife) != std::future_status::ready) {
      writer.content(looked_at_);
      writer.checkpoint();
    }
  } catch (...) {
    tee_.leave(index);  // before `finding` is waited for
    throw;
  }
  return root_ready_.get();
}

}  // namespace bsr
