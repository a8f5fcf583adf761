// XML cut into tags: the part of reading XML in bounded memory that knows no vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace bsr {

struct XmlAttribute {
  std::string_view name;
  std::string_view value;  ///< as written: entities are left alone
};

struct XmlTag {
  enum class Kind {
    start,  ///< <name ...>
    end,    ///< </name>
    empty,  ///< <name ... />
  };
  Kind kind = Kind::start;
  std::string_view name;
  std::vector<XmlAttribute> attributes;
  uint64_t position = 0;  ///< of the tag in the document; error messages name it

  [[nodiscard]] bool has(std::string_view attribute) const;

  /// An attribute that is an unsigned decimal number. Throws Error{corrupt} if it is missing, there
  /// twice, or anything else than digits that fit 64 bits.
  [[nodiscard]] uint64_t number(std::string_view attribute) const;
};

/// The name as a message may show it: shortened, and without bytes that could upset a terminal.
[[nodiscard]] std::string printable(std::string_view name);

/// Cuts a document into tags, and never reads it itself: the caller feeds what arrived and drains
/// next(). Comments and processing instructions are passed over. The input may be hostile: memory
/// is bounded by what was fed and one tag of at most kMaxTag bytes. After it threw it must not be
/// used.
class XmlTagCutter {
 public:
  static constexpr size_t kMaxTag = size_t{64} << 10;  // bytes; also of a comment

  void feed(ByteView bytes);

  /// The next whole tag, good until the next call, or nullptr when more bytes are needed. Throws
  /// Error{corrupt} for text between tags and for a tag that is not well formed or too long,
  /// Error{unsupported} for a document type or a CDATA section.
  const XmlTag* next();

  /// True when all that was fed has been given out.
  [[nodiscard]] bool empty() const { return consumed_ == pending_.size() && text_.empty(); }

 private:
  bool cut();
  [[nodiscard]] bool tag_is_whole(std::string_view piece);
  [[nodiscard]] bool declaration_is_whole() const;
  [[nodiscard]] std::string_view rest() const;
  std::string_view take(size_t count);
  void parse();

  Bytes pending_;
  size_t consumed_ = 0;     // of pending_
  uint64_t position_ = 0;   // of the next byte of pending_ in the document
  std::string text_;        // the tag as far as it came; empty between tags
  char quote_ = 0;          // the quote that an attribute value at the end of text_ is open with
  bool given_out_ = false;  // text_ and tag_ are whole, and the caller's until the next call
  XmlTag tag_;
};

}  // namespace bsr
