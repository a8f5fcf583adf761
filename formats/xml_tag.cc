// A tag is found by its brackets and quotes alone; pugixml then says whether it is one.
#include "formats/xml_tag.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <pugixml.hpp>

#include "base/error.h"

namespace bsr {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' && !is_blank(c); }

}  // namespace

std::string printable(std::string_view name) {
  constexpr size_t kLongest = 32;
  std::string text(name.substr(0, kLongest));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  if (name.size() > kLongest) text += "...";
  return text;
}

bool XmlTag::has(std::string_view attribute) const {
  return std::ranges::any_of(attributes,
                             [&](const XmlAttribute& has) { return has.name == attribute; });
}

uint64_t XmlTag::number(std::string_view attribute) const {
  std::optional<uint64_t> found;
  for (const XmlAttribute& candidate : attributes) {
    if (candidate.name != attribute) continue;
    const char* end = candidate.value.data() + candidate.value.size();
    uint64_t value = 0;
    const auto [stop, error] = std::from_chars(candidate.value.data(), end, value);
    if (found || error != std::errc() || stop != end)
      fail(ErrorKind::corrupt, "<{}> at byte {}: {} is not one 64-bit number", printable(name),
           position, attribute);
    found = value;
  }
  if (!found)
    fail(ErrorKind::corrupt, "<{}> at byte {}: {} is missing", printable(name), position,
         attribute);
  return *found;
}

void XmlTagCutter::feed(ByteView bytes) {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed_));
  consumed_ = 0;
  append(pending_, bytes);
}

const XmlTag* XmlTagCutter::next() {
  if (given_out_) text_.clear();
  given_out_ = false;
  while (cut()) {
    if (text_.starts_with("<!") || text_.starts_with("<?")) {
      text_.clear();
      continue;
    }
    parse();
    given_out_ = true;
    return &tag_;
  }
  return nullptr;
}

/// Moves bytes from pending_ to text_ until that is whole; false when more bytes are needed.
bool XmlTagCutter::cut() {
  while (true) {
    const std::string_view rest = this->rest();
    if (text_.empty()) {
      const size_t blanks = std::min(rest.find_first_not_of(kBlanks), rest.size());
      take(blanks);
      if (blanks == rest.size()) return false;
      if (rest[blanks] != '<')
        fail(ErrorKind::corrupt, "text instead of XML at byte {}", position_);
      tag_.position = position_;
      text_ = take(1);
      continue;
    }

    if (rest.empty()) return false;
    const std::string_view piece = take(std::min(rest.find('>'), rest.size() - 1) + 1);
    if (piece.size() > kMaxTag - text_.size())
      fail(ErrorKind::corrupt, "the element at byte {} is longer than {} bytes", tag_.position,
           kMaxTag);
    text_ += piece;
    if (text_.starts_with("<!") || text_.starts_with("<?") ? declaration_is_whole()
                                                           : tag_is_whole(piece))
      return true;
  }
}

/// True when text_ is a whole tag; `piece` is what it grew by.
bool XmlTagCutter::tag_is_whole(std::string_view piece) {
  for (const char c : piece) {
    if (is_control(c) || (c == '<' && quote_ == 0))
      fail(ErrorKind::corrupt, "the tag at byte {} is not well formed", tag_.position);
    if (quote_ != 0) {
      if (c == quote_) quote_ = 0;
    } else if (c == '"' || c == '\'') {
      quote_ = c;
    }
  }
  return piece.back() == '>' && quote_ == 0;
}

/// True when text_, which begins with <! or <?, is a whole comment or processing instruction.
bool XmlTagCutter::declaration_is_whole() const {
  constexpr std::string_view kComment = "<!--";
  if (text_.starts_with("<?")) return text_.ends_with("?>");
  if (!kComment.starts_with(std::string_view(text_).substr(0, kComment.size())))
    fail(ErrorKind::unsupported, "the declaration at byte {} is not understood", tag_.position);
  return text_.size() >= kComment.size() + 3 && text_.ends_with("-->");
}

std::string_view XmlTagCutter::rest() const {
  return std::string_view(reinterpret_cast<const char*>(pending_.data()), pending_.size())
      .substr(consumed_);
}

std::string_view XmlTagCutter::take(size_t count) {
  const std::string_view taken = rest().substr(0, count);
  consumed_ += count;
  position_ += count;
  return taken;
}

/// Makes tag_ from text_, which it rewrites: pugixml parses in place, and tag_ points into it.
void XmlTagCutter::parse() {
  tag_.attributes.clear();
  if (text_.starts_with("</")) {
    tag_.kind = XmlTag::Kind::end;
    tag_.name = std::string_view(text_).substr(2, text_.size() - 3);
    while (!tag_.name.empty() && is_blank(tag_.name.back())) tag_.name.remove_suffix(1);
    return;
  }

  tag_.kind = text_.ends_with("/>") ? XmlTag::Kind::empty : XmlTag::Kind::start;
  if (tag_.kind == XmlTag::Kind::start) text_.insert(text_.size() - 1, 1, '/');  // stands alone
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_buffer_inplace(
      text_.data(), text_.size(), pugi::parse_minimal, pugi::encoding_utf8);
  const pugi::xml_node element = document.first_child();
  if (!result || !element || element.next_sibling())
    fail(ErrorKind::corrupt, "the tag at byte {} is not well formed: {}", tag_.position,
         result.description());
  tag_.name = element.name();
  for (const pugi::xml_attribute attribute : element.attributes())
    tag_.attributes.push_back({attribute.name(), attribute.value()});
}

}  // namespace bsr
