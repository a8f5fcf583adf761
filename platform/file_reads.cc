#include "platform/file_reads.h"

#include <algorithm>

namespace bsr {

void FileReads::start(uint64_t offset, std::span<std::byte> into) {
  const bool direct = file_.use_direct_for(offset, into.data(), into.size());
  started_.push_back({offset, into, !direct});  // else finish() reads it
  if (direct) queue_.read(file_.fd(), offset, into, finished_ + started_.size() - 1);
}

void FileReads::take_one() {
  const IoQueue::Done done = queue_.wait();
  Started& read = started_[done.tag - finished_];
  read.done = true;
  read.result = done.result;
}

void FileReads::finish() {
  while (!started_.front().done) take_one();
  const Started read = started_.front();
  started_.pop_front();
  ++finished_;
  // What is missing, all of it after a failure, is read once more, and fails where it must.
  const auto got = static_cast<size_t>(std::max<ssize_t>(read.result, 0));
  try {
    file_.read(read.offset + got, read.into.subspan(got));
  } catch (...) {
    abandon();
    throw;
  }
}

void FileReads::abandon() {
  while (queue_.in_flight() > 0) take_one();
  finished_ += started_.size();
  started_.clear();
}

}  // namespace bsr
