#include "http/head.h"

#include <limits>

#include <boost/beast/http/error.hpp>

namespace rushlight::http {

namespace beast = boost::beast;
using beast::http::error;

namespace {

// An error of ours travels through the parser as this code; the words are in fault_.
boost::system::error_code stopped() { return error::end_of_stream; }

std::string_view as_view(beast::string_view text) { return {text.data(), text.size()}; }

Fault head_fault(const boost::system::error_code& code) {
    if (code == error::bad_version) return {505, "of HTTP only the versions 1.0 and 1.1 are spoken here"};
    if (code == error::bad_method) return {400, "the request's method is no word"};
    if (code == error::bad_target)
        return {400, "the target of the request holds a character that may not be there"};
    if (code == error::bad_field) return {400, "a header's name holds a character that may not be there"};
    if (code == error::bad_value) return {400, "a header's value holds a character that may not be there"};
    if (code == error::bad_content_length) return {400, "the Content-Length is not to be understood"};
    if (code == error::bad_transfer_encoding) return {400, "the Transfer-Encoding is not to be understood"};
    return {400, "the head of the request is not to be understood"};
}

}  // namespace

HeadParser::HeadParser(RequestHead& head, const Limits& limits) : head_(head), limits_(limits) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    body_limit(std::numeric_limits<std::uint64_t>::max());  // the plan has its own; 1.74 takes none for 0
}

std::optional<Fault> HeadParser::read(std::string_view bytes) {
    if (auto fault = check_lines(bytes)) return fault;
    Code code;
    const auto used = put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
    if (fault_) return std::exchange(fault_, std::nullopt);
    if (code) return head_fault(code);
    if (!is_header_done() || used != bytes.size())
        return Fault{400, "the head of the request is not to be understood"};
    if (auto fault = check_request(head_, target_)) return fault;
    // The two readers have to see the same body.
    if (head_.chunked != chunked() || head_.has_body() == is_done())
        return Fault{400, "the length of the body is not to be understood"};
    return std::nullopt;
}

void HeadParser::on_request_impl(beast::http::verb, View method, View target, int version, Code& code) {
    head_.method_name = as_view(method);
    head_.method = http::parse_method(head_.method_name);
    head_.minor_version = version - 10;
    target_ = as_view(target);
    if (target_.size() > limits_.target_bytes) {
        fault_ = Fault{414, "the target of the request is longer than " +
                                std::to_string(limits_.target_bytes) + " bytes"};
        code = stopped();
    }
}

void HeadParser::on_field_impl(beast::http::field, View name, View value, Code& code) {
    if (head_.headers.size() >= limits_.headers) {
        fault_ = Fault{431, "there are more than " + std::to_string(limits_.headers) + " headers"};
        code = stopped();
        return;
    }
    head_.headers.push_back({as_view(name), as_view(value)});
}

}  // namespace rushlight::http
