// static_files: a folder of prepared files, held in memory: the console. Each may lie there compressed too,
// as NAME.gz and NAME.br, made when the console was built; a client gets the smallest that it accepts.
//
// What lies below `immutable` (files whose names change with their content) may be kept for a year;
// everything else is asked for again each time, and answered 304 where it has not changed (ETag). No ranges:
// the files are small. Errors: `not_found`, `denied`, `io` from reading the folder; `limit` where it holds
// more than it may. Threads: load once, then answer() from any thread. A path is looked up as a whole: there
// is no way out of the folder. Source: RFC 9110 12.5.3 (Accept-Encoding), 13.1.2 (If-None-Match); RFC 8246
// (immutable).
#pragma once

#include "http/http.h"

#include <array>
#include <map>
#include <memory>
#include <string>

namespace rushlight::http {

class StaticFiles {
  public:
    struct Options {
        std::string folder;
        std::string prefix = "/";            // of their paths here
        std::string immutable = "/assets/";  // where files never change under their name
        std::uint64_t total_bytes = 64 * 1024 * 1024;
    };
    static Result<StaticFiles> load(const Options& options);

    // nullopt where there is no such file. For GET and HEAD.
    std::optional<Response> answer(const RequestHead& head) const;
    // The same for another path than was asked for: the page of an application that has many addresses.
    std::optional<Response> answer(const RequestHead& head, std::string_view path) const;
    std::size_t size() const { return files_.size(); }

  private:
    enum Encoding : std::uint8_t { identity, gzip, brotli };
    struct Variant {
        std::shared_ptr<const std::string> bytes;
        std::string etag;
    };
    struct File {
        std::string type;
        bool immutable = false;
        std::array<Variant, 3> variants;
    };
    std::map<std::string, File, std::less<>> files_;
};

// What a client takes of a coding, 0 to 1000, by its Accept-Encoding.
int accepted_quality(std::string_view accept_encoding, std::string_view coding);
// By the name's ending; application/octet-stream for what is not known.
std::string_view content_type_of(std::string_view path);

}  // namespace rushlight::http
