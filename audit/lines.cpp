#include "audit/lines.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace rushlight::audit {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";  // what JSON has a letter for
constexpr std::string_view kLetters = "\"\\bfnrt";

// A JSON string, with no more escapes than it needs.
std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (const auto at = kEscaped.find(c); at != std::string_view::npos) {
            out += '\\';
            out += kLetters[at];
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += "\\u00";
            out += kHex[static_cast<unsigned char>(c) >> 4];
            out += kHex[static_cast<unsigned char>(c) & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

// Takes a line apart from the left; once something does not fit, all that follows fails.
class Cursor {
  public:
    explicit Cursor(std::string_view line) : rest_(line) {}

    bool take(std::string_view literal) {
        good_ = good_ && rest_.starts_with(literal);
        if (good_) rest_.remove_prefix(literal.size());
        return good_;
    }
    std::int64_t number() {
        const auto value = parse_integer(until_not("0123456789"));
        good_ = good_ && value.has_value();
        return value.value_or(0);
    }
    template <class H>
    H hash() {
        const auto value = H::parse(next(2 * H::kBytes));
        good_ = good_ && value.has_value();
        return value.value_or(H{});
    }
    Time time() {
        const auto value = Time::parse(plain());
        good_ = good_ && value.has_value();
        return value.value_or(Time{});
    }
    std::string text();
    // All but the last `tail` bytes.
    std::string_view all_but(std::size_t tail) {
        return next(rest_.size() < tail ? kNever : rest_.size() - tail);
    }
    bool done() const { return good_ && rest_.empty(); }

  private:
    static constexpr std::size_t kNever = static_cast<std::size_t>(-1);

    std::string_view next(std::size_t size) {
        good_ = good_ && size <= rest_.size();
        if (!good_) return {};
        const auto part = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return part;
    }
    std::string_view until_not(std::string_view these) {
        return next(std::min(rest_.find_first_not_of(these), rest_.size()));
    }
    std::string_view plain() {  // a string that holds nothing to escape
        if (!take("\"")) return {};
        const auto part = next(std::min(rest_.find('"'), rest_.size()));
        take("\"");
        return part;
    }

    std::string_view rest_;
    bool good_ = true;
};

std::string Cursor::text() {
    std::string out;
    if (!take("\"")) return out;
    for (;;) {
        const char c = next(1).empty() ? '"' : rest_.data()[-1];
        if (c == '"') return out;
        if (c != '\\') {
            out += c;
            continue;
        }
        const auto letter = next(1);
        if (!good_) return out;
        if (const auto at = kLetters.find(letter[0]); at != std::string_view::npos) {
            out += kEscaped[at];
            continue;
        }
        std::array<std::byte, 1> code{};
        if (letter != "u" || !take("00") || !parse_hex(next(2), code)) {
            good_ = false;
            return out;
        }
        out += static_cast<char>(code[0]);
    }
}

std::string spell(const Header& header) {
    return "{\"rushlight_audit\":1,\"exported\":" + in_quotes(header.exported.rfc3339()) +
           ",\"first\":" + std::to_string(header.first) + ",\"entries\":" + std::to_string(header.entries) +
           ",\"checkpoints\":" + std::to_string(header.checkpoints) + '}';
}

std::string spell(const Entry& entry) {
    const Event& event = entry.event;
    return "{\"n\":" + std::to_string(entry.number) + ",\"at\":" + in_quotes(entry.at.rfc3339()) +
           ",\"who\":" + in_quotes(event.who) + ",\"what\":" + in_quotes(event.what) +
           ",\"on\":{\"kind\":" + in_quotes(event.on.kind) + ",\"id\":" + in_quotes(event.on.id) +
           "},\"detail\":" + event.detail + ",\"previous\":\"" + entry.previous.hex() + "\",\"digest\":\"" +
           entry.digest.hex() + "\"}";
}

std::string spell(const Checkpoint& checkpoint) {
    return "{\"checkpoint\":" + std::to_string(checkpoint.number) +
           ",\"at\":" + in_quotes(checkpoint.at.rfc3339()) + ",\"digest\":\"" + checkpoint.digest.hex() +
           "\",\"key\":\"" + checkpoint.key.hex() + "\",\"signature\":\"" + checkpoint.signature.hex() +
           "\"}";
}

std::string spell(const Footer& footer) { return "{\"end\":\"" + footer.digest.hex() + "\"}"; }

std::optional<Line> parse_header(Cursor cursor) {
    Header header;
    cursor.take("{\"rushlight_audit\":1,\"exported\":");
    header.exported = cursor.time();
    cursor.take(",\"first\":");
    header.first = cursor.number();
    cursor.take(",\"entries\":");
    header.entries = cursor.number();
    cursor.take(",\"checkpoints\":");
    header.checkpoints = cursor.number();
    cursor.take("}");
    if (!cursor.done()) return std::nullopt;
    return header;
}

std::optional<Line> parse_entry(Cursor cursor) {
    constexpr std::string_view kPrevious = ",\"previous\":\"";
    constexpr std::string_view kDigest = "\",\"digest\":\"";
    constexpr std::size_t kTail = kPrevious.size() + 64 + kDigest.size() + 64 + 2;
    Entry entry;
    cursor.take("{\"n\":");
    entry.number = cursor.number();
    cursor.take(",\"at\":");
    entry.at = cursor.time();
    cursor.take(",\"who\":");
    entry.event.who = cursor.text();
    cursor.take(",\"what\":");
    entry.event.what = cursor.text();
    cursor.take(",\"on\":{\"kind\":");
    entry.event.on.kind = cursor.text();
    cursor.take(",\"id\":");
    entry.event.on.id = cursor.text();
    cursor.take("},\"detail\":");
    entry.event.detail = cursor.all_but(kTail);  // not looked into: its bytes are what was digested
    cursor.take(kPrevious);
    entry.previous = cursor.hash<Sha256>();
    cursor.take(kDigest);
    entry.digest = cursor.hash<Sha256>();
    cursor.take("\"}");
    if (!cursor.done()) return std::nullopt;
    return entry;
}

std::optional<Line> parse_checkpoint(Cursor cursor) {
    Checkpoint checkpoint;
    cursor.take("{\"checkpoint\":");
    checkpoint.number = cursor.number();
    cursor.take(",\"at\":");
    checkpoint.at = cursor.time();
    cursor.take(",\"digest\":\"");
    checkpoint.digest = cursor.hash<Sha256>();
    cursor.take("\",\"key\":\"");
    checkpoint.key = cursor.hash<PublicKey>();
    cursor.take("\",\"signature\":\"");
    checkpoint.signature = cursor.hash<Signature>();
    cursor.take("\"}");
    if (!cursor.done()) return std::nullopt;
    return checkpoint;
}

std::optional<Line> parse_footer(Cursor cursor) {
    Footer footer;
    cursor.take("{\"end\":\"");
    footer.digest = cursor.hash<Sha256>();
    cursor.take("\"}");
    if (!cursor.done()) return std::nullopt;
    return footer;
}

}  // namespace

std::string line_of(const Line& line) {
    return std::visit([](const auto& one) { return spell(one); }, line);
}

std::optional<Line> parse_line(std::string_view line) {
    if (line.size() > kMostLine || !is_utf8(line)) return std::nullopt;
    const Cursor cursor(line);
    std::optional<Line> parsed;
    if (line.starts_with("{\"n\":")) {
        parsed = parse_entry(cursor);
    } else if (line.starts_with("{\"checkpoint\":")) {
        parsed = parse_checkpoint(cursor);
    } else if (line.starts_with("{\"rushlight_audit\":")) {
        parsed = parse_header(cursor);
    } else {
        parsed = parse_footer(cursor);
    }
    if (parsed && line_of(*parsed) != line) return std::nullopt;
    return parsed;
}

}  // namespace rushlight::audit
