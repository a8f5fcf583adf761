#include "platform/rate_control.h"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/units.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

std::optional<uint64_t> parse_rate(std::string_view text) {
  return text == "none" ? 0 : parse_bytes(text);
}

}  // namespace

RateControl::RateControl(const std::string& setting, Say say) : say_(std::move(say)) {
  if (setting.starts_with('@')) {
    file_ = setting.substr(1);
    try {
      rate_ = read_file();
    } catch (const Error& error) {
      fail(ErrorKind::usage, "--limit-rate {}: {}", setting, error.what());
    }
    return;
  }
  const std::optional<uint64_t> rate = parse_rate(setting);
  if (!rate)
    fail(ErrorKind::usage,
         "--limit-rate {}: give bytes per second, as 500K, 20M or 1G, or none, or @FILE that holds "
         "such a rate",
         setting);
  rate_ = *rate;
}

uint64_t RateControl::rate(Time now) {
  if (file_.empty() || now < look_again_) return rate_;
  look_again_ = now + 1s;
  try {
    rate_ = read_file();
    said_ = false;
  } catch (const Error& error) {
    if (!said_ && say_)
      say_(fmt::format("--limit-rate @{}: {}; the limit stays at {}", file_, error.what(),
                       rate_ == 0 ? "none" : human_bytes(rate_) + "/s"));
    said_ = true;
  }
  return rate_;
}

uint64_t RateControl::read_file() const {
  std::optional<std::string> text = read_small_file(AT_FDCWD, file_);
  if (!text)
    fail(ErrorKind::failed, "there is no such file; make it, with the rate as its content");
  text->erase(text->find_last_not_of(" \t\r\n") + 1);
  const std::optional<uint64_t> rate = parse_rate(*text);
  if (!rate)
    fail(ErrorKind::failed,
         "it holds no rate; make it bytes per second, as 500K, 20M or 1G, or none");
  return *rate;
}

}  // namespace bsr
