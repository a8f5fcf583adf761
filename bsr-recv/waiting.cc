#include "bsr-recv/waiting.h"

#include <fmt/format.h>

#include "formats/content_tree.h"
#include "formats/resume_token.h"

namespace bsr {

bool is_resync(const BeginFrame& begin) { return is_content_identity(begin.base_id); }

BeginFrame continued_at(const BeginFrame& begin, const ResumePoint& point) {
  BeginFrame next = begin;
  next.resume = point;
  return next;
}

Waiting begun(const BeginFrame& begin) {
  return {is_resync(begin) ? Waiting::What::half_resync : Waiting::What::half,
          continued_at(begin, {})};
}

/// What is written in place is its own base.
std::string token_of(const Naming& naming, const BeginFrame& begin) {
  return encode_token({begin, naming.in_place && !begin.is_full()});
}

std::string resume_command(const Naming& naming, const BeginFrame& begin) {
  const bool is_image = begin.snapshot_id.starts_with("image:");
  return fmt::format("bsr-send -t {}{} | bsr-recv {}", token_of(naming, begin),
                     is_image ? " --metadata FILE --data FILE" : "", naming.arguments);
}

std::string shell_word(const std::string& text) {
  constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+@%,=-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char letter : text)
    if (letter == '\'')
      word += "'\\''";
    else
      word += letter;
  return word + '\'';
}

}  // namespace bsr
