// Reads a request's head. Private.
//
// Two readers must agree before a head counts: our own strict pass over the raw bytes (lines, framing, Host),
// and Beast's parser. What servers are known to read in different ways is refused by one or the other.
#pragma once

#include "http/fault.h"
#include "http/http.h"

#include <utility>

#include <boost/beast/http/basic_parser.hpp>

namespace rushlight::http {

// The checks that need no parser. `head` ends with its empty line.
std::optional<Fault> check_lines(std::string_view head);
// Framing, Host and target of a parsed head; fills path, query, content_length and chunked from `target`.
std::optional<Fault> check_request(RequestHead& head, std::string_view target);

class HeadParser final : private boost::beast::http::basic_parser<true> {
  public:
    HeadParser(RequestHead& head, const Limits& limits);

    // The whole head, with the empty line that ends it. Once.
    std::optional<Fault> read(std::string_view bytes);
    // Whether the client wants to go on with this connection.
    using basic_parser<true>::keep_alive;

  private:
    using Code = boost::system::error_code;
    using View = boost::beast::string_view;

    void on_request_impl(boost::beast::http::verb, View method, View target, int version, Code&) override;
    void on_response_impl(int, View, int, Code&) override {}
    void on_field_impl(boost::beast::http::field, View name, View value, Code&) override;
    void on_header_impl(Code&) override {}
    // Bodies are read by Body.
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
    std::size_t on_body_impl(View piece, Code&) override { return piece.size(); }
    void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View piece, Code&) override { return piece.size(); }
    void on_finish_impl(Code&) override {}

    RequestHead& head_;
    const Limits& limits_;
    std::string_view target_;
    std::optional<Fault> fault_;
};

}  // namespace rushlight::http
