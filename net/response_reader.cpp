#include "net/response_reader.h"

#include "base/text.h"
#include "net/failure.h"

namespace rushlight::net {
namespace {

// 300, 304 and the like are answers in themselves.
bool leads_elsewhere(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// "HTTP/1.1 200 OK", "HTTP/2 200"
std::optional<int> status_of(std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto status = parse_integer(line.substr(space + 1, 3));
    if (!status || *status < 100 || *status > 999) return std::nullopt;
    return static_cast<int>(*status);
}

}  // namespace

Outcome<void> ResponseReader::line(std::string_view line) {
    header_bytes_ += line.size();
    ++header_count_;
    if (header_bytes_ > request_.limits.header_bytes || header_count_ > request_.limits.header_count) {
        return refuse(FailureCode::bad_response,
                      request_.url.hostname() + " sends more headers than we take");
    }
    if (head_done_) return {};  // trailers say nothing that we need
    line = trim(line);
    if (line.starts_with("HTTP/") && response_.status < 200) {
        const auto status = status_of(line);
        if (!status)
            return refuse(FailureCode::bad_response, request_.url.hostname() + " sends a broken status line");
        response_.status = *status;
        response_.headers.clear();
        return {};
    }
    if (line.empty()) return response_.status < 200 ? Outcome<void>() : head_done();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return refuse(FailureCode::bad_response, request_.url.hostname() + " sends a header without a name");
    }
    response_.headers.push_back(
        {lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    return {};
}

// The one value of a header; null where there is none.
Outcome<const std::string*> ResponseReader::only(std::string_view name) const {
    const std::string* found = nullptr;
    for (const Header& header : response_.headers) {
        if (header.name != name) continue;
        if (found && *found != header.value) {
            return refuse(FailureCode::bad_response,
                          request_.url.hostname() + " sends two different headers " + std::string(name));
        }
        found = &header.value;
    }
    return found;
}

Outcome<void> ResponseReader::head_done() {
    head_done_ = true;
    const std::string& host = request_.url.hostname();
    if (request_.follows_redirects && leads_elsewhere(response_.status)) {
        const auto location = only("location");
        if (!location) return refuse(FailureCode::bad_redirect, host + " redirects to two places at once");
        if (*location) {
            response_.redirect = **location;
            return {};
        }
    }
    const auto length = only("content-length");
    if (!length) return tl::unexpected<Failure>(length.error());
    if (*length && request_.method != "HEAD") {
        const auto bytes = parse_integer(**length);
        if (!bytes || *bytes < 0)
            return refuse(FailureCode::bad_response, host + " sends a broken Content-Length");
        if (static_cast<std::uint64_t>(*bytes) > request_.limits.body_bytes) {
            return refuse(FailureCode::too_large,
                          host + " announces " + std::to_string(*bytes) + " bytes; at most " +
                              std::to_string(request_.limits.body_bytes) + " are taken");
        }
    }
    const auto encoding = only("content-encoding");
    if (!encoding) return tl::unexpected<Failure>(encoding.error());
    if (*encoding && !(*encoding)->empty() && !equals_ignoring_case(**encoding, "identity")) {
        if (!equals_ignoring_case(**encoding, "gzip") && !equals_ignoring_case(**encoding, "x-gzip")) {
            return refuse(FailureCode::bad_response, host + " sends the encoding '" + printable(**encoding) +
                                                         "', which was not asked for");
        }
        gunzip_.emplace(request_.limits.ratio);
    }
    if (const Status begun = receiver_.begin(response_); !begun) {
        return refuse(FailureCode::sink_failed, begun.error().message);
    }
    return {};
}

Outcome<void> ResponseReader::content(Bytes received) {
    if (!head_done_) return refuse(FailureCode::bad_response, request_.url.hostname() + " sends no HTTP");
    if (!gunzip_) return hand_on(received);
    return gunzip_->unpack(received, [this](Bytes piece) { return hand_on(piece); });
}

Outcome<void> ResponseReader::hand_on(Bytes content) {
    if (content.size() > request_.limits.body_bytes - response_.bytes) {
        return refuse(FailureCode::too_large, request_.url.hostname() + " sends more than the " +
                                                  std::to_string(request_.limits.body_bytes) +
                                                  " bytes that are taken");
    }
    response_.bytes += content.size();
    if (const Status taken = receiver_.take(content); !taken) {
        return refuse(FailureCode::sink_failed, taken.error().message);
    }
    return {};
}

Outcome<void> ResponseReader::end() {
    if (!head_done_)
        return refuse(FailureCode::bad_response, request_.url.hostname() + " sends no whole response");
    if (gunzip_ && !gunzip_->complete()) {
        return refuse(FailureCode::bad_response,
                      "the response of " + request_.url.hostname() + " is cut short");
    }
    return {};
}

}  // namespace rushlight::net
