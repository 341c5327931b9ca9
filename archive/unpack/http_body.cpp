#include "archive/unpack/http_body.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace rushlight::archive::unpack {
namespace {

constexpr std::size_t kMaxHead = kMaxPeek;
constexpr std::size_t kMaxLines = 1000;
constexpr std::size_t kMaxChunkLine = 4096;
constexpr int kMaxCodings = 4;
constexpr int kMaxInterim = 8;  // 1xx responses before the real one

// The line at the front without its end; nullopt where it has none within the text. `size` counts the end
// too.
std::optional<std::string_view> front_line(std::string_view text, std::size_t& size) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    size = end + 1;
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

// The head at the front of the stream as a view, empty where there is none of a bearable size.
std::string_view peek_head(Stream& from) {
    for (std::size_t want = 4096; want <= kMaxHead; want *= 4) {
        const auto text = text_of(from.peek(want));
        if (const auto size = head_size(text); size != 0 && size <= kMaxHead) return text.substr(0, size);
        if (text.size() < want) break;
    }
    return {};
}

// "1a3f ;extension"
std::optional<std::uint64_t> parse_chunk_size(std::string_view line) {
    line = trim(line.substr(0, line.find(';')));
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc() || end != line.data() + line.size() || (size >> 60) != 0) return std::nullopt;
    return size;
}

enum class Known { undone, same, unsupported };

Known coding_of(std::string_view name, Coding& coding) {
    if (name == "gzip" || name == "x-gzip") {
        coding = Coding::gzip;
    } else if (name == "deflate") {
        coding = Coding::deflate;
    } else if (name == "br") {
        coding = Coding::brotli;
    } else if (name == "zstd") {
        coding = Coding::zstd;
    } else {
        for (const auto* foreign :
             {"compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "sdch", "aes128gcm"}) {
            if (name == foreign) return Known::unsupported;
        }
        return Known::same;  // servers write anything there ("none", "utf-8"); browsers do not mind either
    }
    return Known::undone;
}

struct Head {
    std::size_t size = 0;
    int status = -1;  // none
    std::vector<std::string> transfer;
    std::vector<std::string> content;
    std::optional<std::uint64_t> length;

    bool interim() const { return status >= 100 && status < 200 && status != 101; }
};

Head peek_response(Stream& block) {
    const auto text = peek_head(block);
    std::string_view line;
    const Fields fields = parse_head(text, line);
    Head head;
    if (!line.starts_with("HTTP/")) return head;
    head.size = text.size();
    const auto space = line.find(' ');
    head.status = space == std::string_view::npos
                      ? 0
                      : static_cast<int>(parse_integer(line.substr(space + 1, 3)).value_or(0));
    head.transfer = fields.list("Transfer-Encoding");
    head.content = fields.list("Content-Encoding");
    const auto* length = fields.find("Content-Length");
    const auto number = length != nullptr ? parse_integer(*length) : std::nullopt;
    if (number && *number >= 0) head.length = static_cast<std::uint64_t>(*number);
    return head;
}

void undo_list(HttpBody& body, Stream*& top, std::vector<std::string> codings, Meter& meter,
               std::uint64_t most) {
    for (; !codings.empty() && body.readable; codings.pop_back()) {
        Coding coding{};
        const auto known = coding_of(codings.back(), coding);
        if (known == Known::same) continue;
        if (known == Known::unsupported || body.layers.size() >= kMaxCodings) {
            body.readable = false;
            body.problem = Problem{Reason::unsupported,
                                   "its coding '" + codings.back().substr(0, 40) + "' is not read here"};
            return;
        }
        body.layers.push_back(undo_coding(coding, *top, meter, most));
        top = body.layers.back().get();
    }
}

}  // namespace

const std::string* Fields::find(std::string_view name) const {
    for (const auto& [key, value] : lines) {
        if (equals_ignoring_case(key, name)) return &value;
    }
    return nullptr;
}

std::vector<std::string> Fields::list(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& [key, value] : lines) {
        if (!equals_ignoring_case(key, name)) continue;
        for (const auto part : split(value, ',')) {
            if (const auto text = trim(part); !text.empty()) out.push_back(lower(text));
        }
    }
    return out;
}

std::size_t head_size(std::string_view text) {
    std::size_t at = 0;
    std::size_t size = 0;
    while (const auto line = front_line(text.substr(at), size)) {
        at += size;
        if (line->empty()) return at;
    }
    return 0;
}

Fields parse_head(std::string_view head, std::string_view& first) {
    Fields fields;
    std::size_t size = 0;
    bool is_first = true;
    first = {};
    while (const auto line = front_line(head, size)) {
        head.remove_prefix(size);
        if (line->empty()) break;
        if (is_first) {
            first = *line;
            is_first = false;
        } else if (line->front() == ' ' || line->front() == '\t') {
            if (fields.lines.empty()) continue;
            auto& value = fields.lines.back().second;
            value.append(value.empty() ? "" : " ").append(trim(*line));
        } else if (const auto colon = line->find(':'); colon != std::string_view::npos) {
            if (fields.lines.size() == kMaxLines) break;
            fields.lines.emplace_back(trim(line->substr(0, colon)), trim(line->substr(colon + 1)));
        }
    }
    return fields;
}

std::size_t ChunkedStream::read(std::span<std::byte> out) {
    if (done_) return 0;
    if (left_ == 0 && !plain_ && !next_chunk()) {
        done_ = true;
        return 0;
    }
    Bytes in = from_.peek(1);
    if (in.empty()) {
        if (!plain_ || from_.problem()) fail(unfinished());
        return 0;
    }
    in = in.first(std::min(in.size(), out.size()));
    if (!plain_) in = in.first(static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), left_)));
    std::memcpy(out.data(), in.data(), in.size());
    from_.consume(in.size());
    if (!plain_) left_ -= in.size();
    return in.size();
}

Problem ChunkedStream::unfinished() const {
    return from_.problem() ? *from_.problem() : Problem{Reason::truncated, "the chunked body has no end"};
}

bool ChunkedStream::close_chunk() {
    const auto text = text_of(from_.peek(2));
    if (text.starts_with("\r\n")) {
        from_.consume(2);
    } else if (text.starts_with("\n")) {
        from_.consume(1);
    } else {
        fail(text.size() < 2 ? unfinished() : Problem{Reason::corrupt, "a chunk is longer than it says"});
        return false;
    }
    return true;
}

// Reads a chunk's line. True where there is something to read.
bool ChunkedStream::next_chunk() {
    if (!first_ && !close_chunk()) return false;
    const bool was_first = std::exchange(first_, false);
    const auto text = text_of(from_.peek(kMaxChunkLine)).substr(0, kMaxChunkLine);
    std::size_t line_size = 0;
    const auto line = front_line(text, line_size);
    const auto size = line ? parse_chunk_size(*line) : std::nullopt;
    if (!size) {
        plain_ = was_first;
        if (!was_first) {
            const bool cut = !line && text.size() < kMaxChunkLine;
            fail(cut ? unfinished() : Problem{Reason::corrupt, "a chunk's size is no number"});
        }
        return plain_;
    }
    from_.consume(line_size);
    left_ = *size;
    if (left_ == 0) skip_trailer();
    return left_ != 0;
}

void ChunkedStream::skip_trailer() {
    std::size_t budget = kMaxHead;
    std::size_t size = 0;
    while (const auto line = front_line(text_of(from_.peek(kMaxChunkLine)), size)) {
        const bool last = line->empty();
        from_.consume(size);
        if (last || size > budget) return;
        budget -= size;
    }
}

HttpBody open_body(Stream& block, std::uint64_t block_size, Meter& meter, std::uint64_t most) {
    HttpBody body;
    Head head = peek_response(block);
    for (int i = 0; head.interim() && i < kMaxInterim; ++i) {
        block.consume(head.size);
        block_size -= head.size;
        head = peek_response(block);
    }
    if (head.status < 0) {
        body.problem = Problem{Reason::corrupt, "no HTTP response where the record says there is one"};
        return body;
    }
    block.consume(head.size);
    block_size -= head.size;

    Stream* top = &block;
    const bool chunked = std::erase(head.transfer, "chunked") != 0;
    if (chunked) {
        body.layers.push_back(std::make_unique<ChunkedStream>(block));
        top = body.layers.back().get();
    } else if (head.length && block_size > 0 && *head.length > block_size) {
        body.problem = Problem{Reason::truncated, "the body is shorter than its Content-Length"};
    }
    undo_list(body, top, std::move(head.transfer), meter, most);
    undo_list(body, top, std::move(head.content), meter, most);
    return body;
}

}  // namespace rushlight::archive::unpack
