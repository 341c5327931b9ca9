#include "http/static_files.h"

#include "base/content.h"
#include "base/digest.h"
#include "base/text.h"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace rushlight::http {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kCodings{"identity", "gzip", "br"};
constexpr std::array<std::string_view, 3> kEndings{"", ".gz", ".br"};

// "0.5" is 500; nullopt for what is no qvalue.
std::optional<int> parse_quality(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    int value = (text[0] - '0') * 1000;
    if (text.size() == 1) return value;
    if (text[1] != '.') return std::nullopt;
    int place = 100;
    for (const char c : text.substr(2)) {
        if (c < '0' || c > '9') return std::nullopt;
        value += (c - '0') * place;
        place /= 10;
    }
    return value <= 1000 ? std::optional(value) : std::nullopt;
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
    for (auto candidate : split(if_none_match, ',')) {
        candidate = trim(candidate);
        if (candidate == "*") return true;
        if (candidate.starts_with("W/")) candidate.remove_prefix(2);
        if (candidate == etag) return true;
    }
    return false;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t most) {
    auto content = Content::open(path.string());
    if (!content) return pass(content.error());
    if (content->size() > most)
        return fail(ErrorCode::limit, "'" + path.string() + "' is too large to be kept in memory");
    std::string bytes(content->size(), '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
        auto got =
            content->read_at(at, std::as_writable_bytes(std::span(bytes.data() + at, bytes.size() - at)));
        if (!got) return pass(got.error());
        if (*got == 0) break;
        at += *got;
    }
    bytes.resize(at);
    return bytes;
}

}  // namespace

int accepted_quality(std::string_view accept_encoding, std::string_view coding) {
    std::optional<int> named;
    std::optional<int> any;
    for (const auto entry : split(accept_encoding, ',')) {
        const auto parts = split(entry, ';');
        const auto name = trim(parts[0]);
        int quality = 1000;
        for (std::size_t i = 1; i < parts.size(); ++i) {
            const auto parameter = trim(parts[i]);
            if (parameter.size() > 2 && (parameter[0] == 'q' || parameter[0] == 'Q') && parameter[1] == '=')
                quality = parse_quality(parameter.substr(2)).value_or(0);
        }
        if (equals_ignoring_case(name, coding))
            named = quality;
        else if (name == "*")
            any = quality;
    }
    if (named) return *named;
    // Everybody takes the identity, unless they say otherwise.
    if (coding == "identity") return any && *any == 0 ? 0 : 1;
    return any.value_or(0);
}

std::string_view content_type_of(std::string_view path) {
    struct Type {
        std::string_view ending, type;
    };
    static constexpr std::array kTypes{
        Type{".html", "text/html; charset=utf-8"},
        Type{".js", "text/javascript; charset=utf-8"},
        Type{".css", "text/css; charset=utf-8"},
        Type{".json", "application/json"},
        Type{".svg", "image/svg+xml"},
        Type{".png", "image/png"},
        Type{".webp", "image/webp"},
        Type{".ico", "image/x-icon"},
        Type{".woff2", "font/woff2"},
        Type{".txt", "text/plain; charset=utf-8"},
        Type{".webmanifest", "application/manifest+json"},
        Type{".map", "application/json"},
        Type{".wasm", "application/wasm"},
    };
    const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                    [&](const Type& type) { return path.ends_with(type.ending); });
    return found == kTypes.end() ? "application/octet-stream" : found->type;
}

Result<StaticFiles> StaticFiles::load(const Options& options) {
    StaticFiles files;
    std::error_code code;
    std::uint64_t left = options.total_bytes;
    fs::recursive_directory_iterator walk(options.folder, code);
    for (const fs::recursive_directory_iterator end; !code && walk != end; walk.increment(code)) {
        if (!walk->is_regular_file(code)) continue;
        auto bytes = read_file(walk->path(), left);
        if (!bytes) return pass(bytes.error());
        left -= bytes->size();
        std::string path = options.prefix + fs::relative(walk->path(), options.folder, code).generic_string();
        Encoding encoding = identity;
        for (const auto packed : {gzip, brotli}) {
            if (!path.ends_with(kEndings[packed])) continue;
            encoding = packed;
            path.resize(path.size() - kEndings[packed].size());
        }
        File& file = files.files_[path];
        file.type = content_type_of(path);
        file.immutable = !options.immutable.empty() && path.starts_with(options.immutable);
        // Each form of a file has a tag of its own.
        std::string etag = "\"" + sha256_of(bytes_of(*bytes)).hex().substr(0, 32) + "\"";
        file.variants[encoding] = {std::make_shared<const std::string>(std::move(*bytes)), std::move(etag)};
    }
    if (code) return fail_errno("cannot read the folder '" + options.folder + "'", code.value());
    // A packed form whose plain one is not there is a file like any other.
    for (auto file = files.files_.begin(); file != files.files_.end();) {
        if (file->second.variants[identity].bytes) {
            ++file;
            continue;
        }
        for (const auto packed : {gzip, brotli}) {
            if (!file->second.variants[packed].bytes) continue;
            File alone;
            alone.type = "application/octet-stream";
            alone.immutable = file->second.immutable;
            alone.variants[identity] = file->second.variants[packed];
            files.files_[file->first + std::string(kEndings[packed])] = std::move(alone);
        }
        file = files.files_.erase(file);
    }
    return files;
}

std::optional<Response> StaticFiles::answer(const RequestHead& head) const { return answer(head, head.path); }

std::optional<Response> StaticFiles::answer(const RequestHead& head, std::string_view path) const {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    const File& file = found->second;
    const auto accept = head.header("Accept-Encoding");
    Encoding best = identity;
    int best_quality = accepted_quality(accept, kCodings[identity]);
    for (const auto packed : {gzip, brotli}) {
        const auto& bytes = file.variants[packed].bytes;
        if (!bytes || bytes->size() >= file.variants[identity].bytes->size()) continue;
        const int quality = accepted_quality(accept, kCodings[packed]);
        const bool smaller = bytes->size() < file.variants[best].bytes->size();
        if (quality > best_quality || (quality == best_quality && quality > 0 && smaller)) {
            best = packed;
            best_quality = quality;
        }
    }
    const Variant& variant = file.variants[best];
    Response response;
    response.headers.emplace_back("Content-Type", file.type);
    response.headers.emplace_back("ETag", variant.etag);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.headers.emplace_back("Cache-Control",
                                  file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (best != identity) response.headers.emplace_back("Content-Encoding", kCodings[best]);
    if (matches_etag(head.header("If-None-Match"), variant.etag))
        response.status = 304;
    else
        response.shared = variant.bytes;
    return response;
}

}  // namespace rushlight::http
