// samples: makes archives for tests, benchmarks and fuzzers, and reads them in this process.
#pragma once

#include "archive/unpack/foreign.h"
#include "archive/unpack/meter.h"
#include "archive/unpack/source.h"
#include "base/bytes.h"
#include "base/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>
#include <zlib.h>

namespace rushlight::archive::unpack::samples {

// ---- writing

inline std::string gzip(std::string_view text, int level = 6, int window_bits = 15 + 16) {
    z_stream z{};
    ::deflateInit2(&z, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    std::string out(::deflateBound(&z, text.size()) + 64, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    ::deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    ::deflateEnd(&z);
    return out;
}
inline std::string zlib(std::string_view text) { return gzip(text, 6, 15); }
inline std::string raw_deflate(std::string_view text) { return gzip(text, 6, -15); }

struct File {
    std::string name;
    std::string text;
    std::string link;  // a symbolic link to this
};

// Any format and filter that libarchive writes: ("zip", "", "zip:zip64"), ("pax", "zstd"), ("7zip").
inline std::string pack(const std::vector<File>& files, const char* format, const char* filter = "",
                        const char* options = "", const char* password = nullptr) {
    prepare_names();
    struct archive* a = ::archive_write_new();
    ::archive_write_set_format_by_name(a, format);
    if (*filter != '\0') ::archive_write_add_filter_by_name(a, filter);
    if (*options != '\0') ::archive_write_set_options(a, options);
    if (password != nullptr) ::archive_write_set_passphrase(a, password);
    ::archive_write_set_bytes_in_last_block(a, 1);
    std::string out;
    ::archive_write_open2(
        a, &out, nullptr,
        [](struct archive*, void* to, const void* data, std::size_t size) -> la_ssize_t {
            static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
            return static_cast<la_ssize_t>(size);
        },
        nullptr, nullptr);
    for (const auto& file : files) {
        struct archive_entry* entry = ::archive_entry_new();
        ::archive_entry_copy_pathname(entry, file.name.c_str());
        ::archive_entry_set_perm(entry, 0644);
        if (!file.link.empty()) {
            ::archive_entry_set_filetype(entry, AE_IFLNK);
            ::archive_entry_copy_symlink(entry, file.link.c_str());
        } else if (file.name.ends_with('/')) {
            ::archive_entry_set_filetype(entry, AE_IFDIR);
        } else {
            ::archive_entry_set_filetype(entry, AE_IFREG);
            ::archive_entry_set_size(entry, static_cast<la_int64_t>(file.text.size()));
        }
        ::archive_write_header(a, entry);
        if (!file.text.empty()) ::archive_write_data(a, file.text.data(), file.text.size());
        ::archive_entry_free(entry);
    }
    ::archive_write_close(a);
    ::archive_write_free(a);
    return out;
}

inline std::string http(std::string_view body, std::string_view fields = "Content-Type: image/png\r\n") {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

inline std::string chunked(std::string_view body, std::size_t size, std::string_view trailer = "") {
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += size) {
        const auto part = body.substr(at, size);
        char line[32];
        out.append(line, static_cast<std::size_t>(std::snprintf(line, sizeof line, "%zx\r\n", part.size())));
        out.append(part).append("\r\n");
    }
    return out.append("0\r\n").append(trailer).append("\r\n");
}

struct RecordOptions {
    std::string version = "WARC/1.0";
    std::string date = "2024-05-01T10:20:30Z";
    std::string more{};  // header lines
    std::string content_type = "application/http; msgtype=response";
};

inline std::string record(std::string_view type, std::string_view uri, std::string_view block,
                          const RecordOptions& options = {}) {
    std::string out = options.version + "\r\nWARC-Type: " + std::string(type) + "\r\n";
    if (!uri.empty()) out += "WARC-Target-URI: " + std::string(uri) + "\r\n";
    out += "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\nWARC-Date: " + options.date +
           "\r\n";
    out += options.more;
    if (!options.content_type.empty()) out += "Content-Type: " + options.content_type + "\r\n";
    out += "Content-Length: " + std::to_string(block.size()) + "\r\n\r\n";
    return out.append(block).append("\r\n\r\n");
}

// ---- reading

inline Allowance plenty() {
    Allowance a;
    a.member_bytes = std::uint64_t{1} << 30;
    a.total_bytes = a.ratio_bytes = a.work_bytes = std::uint64_t{1} << 32;
    a.members = 1'000'000;
    return a;
}

struct Got {
    std::string name;
    std::optional<std::string> text;
    std::optional<Problem> problem;
    std::optional<Time> date;
};

struct All {
    std::vector<Got> members;
    std::optional<Problem> problem;  // how it ended

    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& member : members) out.push_back(member.name);
        return out;
    }
};

class TextSink final : public Sink {
  public:
    void write(Bytes bytes) override { text.append(text_of(bytes)); }
    void zeros(std::uint64_t n) override { text.append(static_cast<std::size_t>(n), '\0'); }
    std::string text;
};

inline All read_all(std::string_view packed, const Allowance& allowance = plenty()) {
    prepare_names();
    All all;
    auto file = make_memory_file("sample");
    (void)write_all(file->get(), bytes_of(packed), "sample");
    Meter meter(allowance);
    auto source = open_source(file->get(), meter);
    if (!source) {
        all.problem = source.error();
        return all;
    }
    while (true) {
        Member member;
        TextSink sink;
        const Step step = (*source)->next(member, sink);
        if (step == Step::failed) all.problem = (*source)->problem();
        if (step != Step::member) return all;
        Got got{member.name, std::nullopt, member.problem, member.date};
        if (member.has_content) got.text = std::move(sink.text);
        all.members.push_back(std::move(got));
    }
}

}  // namespace rushlight::archive::unpack::samples
