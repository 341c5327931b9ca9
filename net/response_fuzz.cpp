// A response as a server might send it: head lines, then content, gzip or not.
#include "net/response_reader.h"

namespace {

using namespace rushlight;

struct Nothing : net::Receiver {
    Status begin(const net::HopResponse&) override { return {}; }
    Status take(Bytes) override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static const Url url = *Url::parse("http://site.test/");
    static const net::Limits limits{.body_bytes = 1 << 20};
    static const std::string none;
    static const std::vector<net::Header> headers;
    const net::HopRequest request{.url = url,
                                  .method = "GET",
                                  .headers = headers,
                                  .body = none,
                                  .limits = limits,
                                  .peer = {},
                                  .address = {},
                                  .user_agent = none,
                                  .ca_file = none,
                                  .connect_deadline = {},
                                  .deadline = {}};
    Nothing receiver;
    net::ResponseReader reader(request, receiver);
    std::string_view text(reinterpret_cast<const char*>(data), size);
    while (!text.empty() && !reader.has_head()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        if (!reader.line(text.substr(0, end))) return 0;
        text.remove_prefix(end);
    }
    while (!text.empty() && !reader.is_redirect()) {
        const std::size_t piece = std::min<std::size_t>(text.size(), 7 + text.size() / 2);
        if (!reader.content(bytes_of(text.substr(0, piece)))) return 0;
        text.remove_prefix(piece);
    }
    (void)reader.end();
    return 0;
}
