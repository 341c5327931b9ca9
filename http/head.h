// Reads one request: its head in one piece, then its body in pieces. Private.
//
// Two readers must agree before a head counts: our own strict pass over the raw bytes (lines, framing, Host),
// and Beast's parser. What servers are known to read in different ways is refused by one or the other.
#pragma once

#include "http/http.h"

#include <utility>

#include <boost/beast/http/basic_parser.hpp>

namespace rushlight::http {

// Why a request is refused.
struct Fault {
    int status = 400;
    std::string words;
};

// The checks that need no parser. `head` ends with its empty line.
std::optional<Fault> check_lines(std::string_view head);
// Framing, Host and target of a parsed head; fills path, query, content_length and chunked from `target`.
std::optional<Fault> check_request(RequestHead& head, std::string_view target);

class Incoming final : private boost::beast::http::basic_parser<true> {
    using Base = boost::beast::http::basic_parser<true>;

  public:
    Incoming(RequestHead& head, const Limits& limits);

    std::optional<Fault> read_head(std::string_view bytes);
    // Appends what `bytes` holds of the body to `out`; returns how much of `bytes` it used up. After false of
    // done() the unused rest has to come again, with more behind it.
    std::size_t read_body(std::string_view bytes, std::string& out, std::uint64_t limit,
                          std::optional<Fault>& fault);
    bool done() const { return is_done(); }
    bool keep_alive() const { return Base::keep_alive(); }
    std::uint64_t body_bytes() const { return body_bytes_; }

  private:
    using Code = boost::system::error_code;
    using View = boost::beast::string_view;

    void on_request_impl(boost::beast::http::verb, View method, View target, int version, Code&) override;
    void on_response_impl(int, View, int, Code&) override {}
    void on_field_impl(boost::beast::http::field, View name, View value, Code&) override;
    void on_header_impl(Code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
    std::size_t on_body_impl(View piece, Code&) override;
    void on_chunk_header_impl(std::uint64_t size, View extensions, Code&) override;
    std::size_t on_chunk_body_impl(std::uint64_t left, View piece, Code&) override;
    void on_finish_impl(Code&) override {}

    RequestHead& head_;
    const Limits& limits_;
    std::string_view target_;
    bool in_head_ = true;
    std::optional<Fault> fault_;
    std::string* out_ = nullptr;
    std::uint64_t limit_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::size_t trailers_ = 0;
};

}  // namespace rushlight::http
