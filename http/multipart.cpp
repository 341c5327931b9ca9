#include "http/multipart.h"

#include "base/text.h"

#include <algorithm>
#include <cstring>

namespace rushlight::http {
namespace {

constexpr std::size_t kMostBoundary = 70;  // RFC 2046 5.1.1
constexpr std::size_t kMostPadding = 128;  // white space behind a boundary

bool is_boundary_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

struct Parameters {
    std::string_view rest;

    // The next `; name=value`. False at the end; `broken` where it is not well-formed.
    bool next(std::string_view& name, std::string& value, bool& broken) {
        rest = trim(rest);
        if (rest.empty()) return false;
        broken = true;
        if (rest.front() != ';') return false;
        rest = trim(rest.substr(1));
        if (rest.empty()) {  // a last semicolon does no harm
            broken = false;
            return false;
        }
        const auto equals = rest.find('=');
        if (equals == std::string_view::npos || equals == 0) return false;
        name = trim(rest.substr(0, equals));
        if (name.find_first_of(";\" \t") != std::string_view::npos) return false;
        rest = trim(rest.substr(equals + 1));
        value.clear();
        if (!rest.starts_with('"')) {
            const auto end = std::min(rest.find(';'), rest.size());
            const auto token = trim(rest.substr(0, end));
            if (token.empty() || token.find_first_of("\" \t") != std::string_view::npos) return false;
            value = token;
            rest.remove_prefix(end);
            broken = false;
            return true;
        }
        for (std::size_t i = 1; i < rest.size(); ++i) {
            if (rest[i] == '"') {
                rest.remove_prefix(i + 1);
                broken = false;
                return true;
            }
            // Only these two are escapes: a path of another system holds backslashes of its own.
            if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
            value += rest[i];
        }
        return false;
    }
};

// Browsers write these three so, and nothing else (HTML, multipart/form-data encoding algorithm).
std::string unescape_name(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto escape = text.substr(i, 3);
        if (escape == "%22")
            out += '"';
        else if (escape == "%0D" || escape == "%0A")
            out += ' ';
        else {
            out += text[i];
            continue;
        }
        i += 2;
    }
    return to_utf8(out);
}

}  // namespace

Result<std::shared_ptr<MultipartReader>> MultipartReader::create(std::string_view content_type,
                                                                 FormSink& form, MultipartLimits limits) {
    const auto end = std::min(content_type.find(';'), content_type.size());
    if (!equals_ignoring_case(trim(content_type.substr(0, end)), "multipart/form-data"))
        return fail(ErrorCode::invalid, "the Content-Type is not multipart/form-data");
    Parameters parameters{content_type.substr(end)};
    std::string_view name;
    std::string value;
    std::string boundary;
    bool broken = false;
    while (parameters.next(name, value, broken)) {
        if (!equals_ignoring_case(name, "boundary")) continue;
        if (!boundary.empty()) return fail(ErrorCode::invalid, "the Content-Type has more than one boundary");
        boundary = value;
    }
    if (broken || boundary.empty() || boundary.size() > kMostBoundary || boundary.back() == ' ' ||
        !std::all_of(boundary.begin(), boundary.end(), is_boundary_character))
        return fail(ErrorCode::invalid, "the Content-Type has no boundary of 1 to 70 characters");
    return std::shared_ptr<MultipartReader>(new MultipartReader("\r\n--" + boundary, form, limits));
}

MultipartReader::MultipartReader(std::string boundary, FormSink& form, MultipartLimits limits)
    : boundary_(std::move(boundary)), form_(form), limits_(limits) {}

Status MultipartReader::take(Bytes piece) {
    if (failed_) return pass(*failed_);
    std::string_view bytes = text_of(piece);
    while (!bytes.empty()) {
        if (auto status = read(bytes); !status) {
            failed_ = status.error();
            return status;
        }
    }
    return {};
}

Status MultipartReader::finish() {
    if (failed_) return pass(*failed_);
    if (state_ == State::done) return {};
    if (state_ == State::start) return fail(ErrorCode::invalid, "the form does not begin with its boundary");
    return malformed("the form ends in the middle of it");
}

Status MultipartReader::read(std::string_view& bytes) {
    switch (state_) {
        case State::start:
            return read_start(bytes);
        case State::behind_boundary:
            return read_behind_boundary(bytes);
        case State::head:
            return read_head(bytes);
        case State::body:
            return read_body(bytes);
        case State::done:
            break;
    }
    bytes = {};
    return {};
}

// The first boundary stands at the very beginning: its line break may be missing.
Status MultipartReader::read_start(std::string_view& bytes) {
    if (held_.empty() && bytes.front() == '-') held_ = "\r\n";
    while (!bytes.empty() && held_.size() < boundary_.size()) {
        if (bytes.front() != boundary_[held_.size()])
            return fail(ErrorCode::invalid, "the form does not begin with its boundary");
        held_ += bytes.front();
        bytes.remove_prefix(1);
    }
    if (held_ == boundary_) {
        held_.clear();
        state_ = State::behind_boundary;
    }
    return {};
}

Status MultipartReader::read_behind_boundary(std::string_view& bytes) {
    while (!bytes.empty()) {
        held_ += bytes.front();
        bytes.remove_prefix(1);
        if (held_ == "--") {
            state_ = State::done;
            return {};
        }
        if (held_.ends_with("\r\n")) {
            const auto padding = std::string_view(held_).substr(0, held_.size() - 2);
            if (padding.find_first_not_of(" \t") != std::string_view::npos) break;
            if (++part_ > limits_.parts)
                return fail(ErrorCode::limit,
                            "the form has more than " + std::to_string(limits_.parts) + " parts");
            held_.clear();
            state_ = State::head;
            return {};
        }
        if (held_.size() > kMostPadding) break;
        if (held_.find_first_not_of(" \t\r-") != std::string::npos) break;
    }
    if (bytes.empty() && held_.size() <= kMostPadding &&
        held_.find_first_not_of(" \t\r-") == std::string::npos)
        return {};
    return malformed("something stands behind the boundary that ends it");
}

Status MultipartReader::read_head(std::string_view& bytes) {
    while (!bytes.empty()) {
        // Line by line, so that the end is seen wherever the pieces are cut.
        const auto end = bytes.find('\n');
        const auto line = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
        if (held_.size() + line.size() > limits_.head_bytes)
            return fail(ErrorCode::limit, "the head of the form's part " + std::to_string(part_) +
                                              " is longer than " + std::to_string(limits_.head_bytes) +
                                              " bytes");
        held_ += line;
        bytes.remove_prefix(line.size());
        if (held_ == "\r\n" || held_.ends_with("\r\n\r\n")) {
            auto status = begin_part();
            held_.clear();
            state_ = State::body;
            return status;
        }
    }
    return {};
}

Status MultipartReader::begin_part() {
    PartHead part;
    bool has_disposition = false;
    for (auto line : split(held_, '\n')) {
        if (line.empty() || line == "\r") continue;
        if (!line.ends_with('\r')) return malformed("a line of its head ends without a carriage return");
        line.remove_suffix(1);
        if (std::any_of(line.begin(), line.end(),
                        [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 127; }))
            return malformed("its head holds a control character");
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 ||
            line.substr(0, colon).find_first_of(" \t") != std::string_view::npos)
            return malformed("a line of its head is no header");
        const auto name = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        if (equals_ignoring_case(name, "Content-Type")) {
            part.content_type = to_utf8(value);
        } else if (equals_ignoring_case(name, "Content-Transfer-Encoding")) {
            if (!equals_ignoring_case(value, "7bit") && !equals_ignoring_case(value, "8bit") &&
                !equals_ignoring_case(value, "binary"))
                return malformed("its bytes are encoded (Content-Transfer-Encoding); send them as they are");
        } else if (equals_ignoring_case(name, "Content-Disposition")) {
            if (has_disposition) return malformed("it has more than one Content-Disposition");
            has_disposition = true;
            const auto end = std::min(value.find(';'), value.size());
            if (!equals_ignoring_case(trim(value.substr(0, end)), "form-data"))
                return malformed("its Content-Disposition is not form-data");
            Parameters parameters{value.substr(end)};
            std::string_view key;
            std::string text;
            bool broken = false;
            bool has_name = false;
            while (parameters.next(key, text, broken)) {
                if (equals_ignoring_case(key, "name")) {
                    if (std::exchange(has_name, true)) return malformed("it has more than one name");
                    part.name = unescape_name(text);
                } else if (equals_ignoring_case(key, "filename")) {
                    if (part.filename) return malformed("it has more than one filename");
                    part.filename = unescape_name(text);
                }
            }
            if (broken) return malformed("its Content-Disposition is not well-formed");
            if (!has_name) return malformed("it has no name");
        }
    }
    if (!has_disposition) return malformed("it has no Content-Disposition");
    return form_.begin(part);
}

// A carriage return stands in the boundary only as its first byte: so what is held of it is the only place
// where one can have begun.
Status MultipartReader::read_body(std::string_view& bytes) {
    if (!held_.empty()) {
        while (!bytes.empty() && held_.size() < boundary_.size() &&
               bytes.front() == boundary_[held_.size()]) {
            held_ += bytes.front();
            bytes.remove_prefix(1);
        }
        if (held_.size() < boundary_.size()) {
            if (bytes.empty()) return {};
            const std::string data = std::exchange(held_, {});  // it was none
            return form_.take(bytes_of(data));
        }
        held_.clear();
        state_ = State::behind_boundary;
        return form_.end();
    }
    const void* found = memmem(bytes.data(), bytes.size(), boundary_.data(), boundary_.size());
    if (found != nullptr) {
        const auto data =
            bytes.substr(0, static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()));
        bytes.remove_prefix(data.size() + boundary_.size());
        state_ = State::behind_boundary;
        if (!data.empty())
            if (auto taken = form_.take(bytes_of(data)); !taken) return taken;
        return form_.end();
    }
    auto data = bytes;
    const auto last = bytes.rfind('\r');
    if (last != std::string_view::npos && boundary_.starts_with(bytes.substr(last))) {
        held_ = bytes.substr(last);
        data = bytes.substr(0, last);
    }
    bytes = {};
    return data.empty() ? Status{} : form_.take(bytes_of(data));
}

tl::unexpected<Error> MultipartReader::malformed(std::string_view how) const {
    return fail(ErrorCode::invalid, "the form's part " + std::to_string(part_) + ": " + std::string(how));
}

}  // namespace rushlight::http
