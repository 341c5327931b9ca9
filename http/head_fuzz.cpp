#include "http/body.h"
#include "http/head.h"

#include <cstdlib>

// A request as it comes in: head, then the body in pieces whose size the first byte gives. What our strict
// pass and Beast's parser both accept must be a head with one framing, and its body must be the same however
// it was cut.
namespace {

std::optional<std::string> read(std::string_view bytes, std::size_t step) {
    using namespace rushlight::http;
    const auto end = bytes.find("\r\n\r\n");
    const Limits limits;
    if (end == std::string_view::npos || end + 4 > limits.head_bytes) return std::nullopt;
    RequestHead head;
    if (HeadParser(head, limits).read(bytes.substr(0, end + 4))) return std::nullopt;
    if (head.chunked && head.content_length) std::abort();
    if (head.path.empty() || head.headers.size() > limits.headers) std::abort();
    for (const auto& [name, value] : head.headers)
        if (name.empty() || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
            std::abort();
    std::string text;
    std::optional<Fault> fault;
    bytes.remove_prefix(end + 4);
    Body body(head, limits);
    while (!body.done() && !fault && !bytes.empty()) {
        const auto piece = bytes.substr(0, step);
        const auto used = body.read(piece, text, 1'000'000, fault);
        if (used > piece.size() || (used < piece.size() && !body.done() && !fault)) std::abort();
        bytes.remove_prefix(used);
    }
    if (fault || !body.done()) return std::nullopt;
    if (body.bytes() != text.size()) std::abort();
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto text = rushlight::text_of(std::as_bytes(std::span(data, size)));
    if (read(text.substr(1), text.size()) !=
        read(text.substr(1), 1 + static_cast<unsigned char>(text[0]) % 40))
        std::abort();
    return 0;
}
