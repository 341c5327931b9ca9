// media: bytes → fingerprint. The exact hashes are computed here, in the parent; everything that must
// understand the bytes (pictures, videos) happens in a sandbox child, of which only the numbers below come
// back.
//
// docs/media.md says which formats are read and how. Nothing is written anywhere.
// Thread-safety: Fingerprinter is thread-safe; one call uses one sandbox child for its length.
#pragma once

#include "base/content.h"
#include "base/hash.h"
#include "base/reason.h"
#include "sandbox/sandbox.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::media {

// What the bytes are, by their content, never by a name.
enum class Kind { picture, video, archive, web_archive, other };
struct Type {
    Kind kind = Kind::other;
    std::string_view mime = "application/octet-stream";

    bool operator==(const Type&) const = default;
};
// `head` is the start of the content, kSniffBytes of it where there are so many. Never fails: unknown is
// `other`. A gzip file says `archive`: only its inside tells whether it is a WARC.
inline constexpr std::size_t kSniffBytes = 4096;
Type sniff(Bytes head);

struct Exact {
    Md5 md5;
    Sha1 sha1;
    Sha256 sha256;
};

struct Frame {
    std::uint32_t frame = 0;  // its number in the video or animation, from 0
    double seconds = 0;
    Pdq pdq;
    int quality = 0;
};

// Where the time went, for the benchmark and for `--explain`. Stages in the child are its own measurements;
// the exact hashes are computed meanwhile. `handover` is what is left of the time between question and answer
// after the longer of the two. `read` is both sides' reading.
struct Stages {
    std::chrono::nanoseconds read{0}, exact{0}, handover{0}, decode{0}, filter{0}, dct{0};
};

struct Fingerprint {
    Type type;
    std::uint64_t bytes = 0;
    // There whenever they were wanted and the bytes could be read; not for a file that went on changing while
    // it was read (problem `corrupt`), whose hashes would be those of no content at all.
    std::optional<Exact> exact;
    std::optional<std::uint32_t> width, height;  // as stored: no orientation mark applied
    std::optional<Pdq> pdq;                      // a picture's; of several frames, the first one's
    std::optional<int> quality;
    std::optional<std::array<Pdq, 7>> dihedral;  // where asked for, in the order of media/pdq/pdq.h
    std::vector<Frame>
        frames;  // a video's, one a second; all frames of a picture that has several, up to a limit
    std::optional<Problem> problem;  // why there is no pdq; `not_media` for what is neither picture nor video
    Stages stages;
};

struct Wanted {
    bool exact = true;
    bool dihedral = false;
    bool perceptual = true;  // false: no child is asked, and nothing is said about what is in the picture
    std::stop_token stop{};  // ends the reading of a large file (then there are no hashes) or a long film
};

class Fingerprinter {
  public:
    // The pools must outlive the fingerprinter. `light` runs libexec/rushlight/decode, which reads most
    // pictures and starts fast; `all` runs decode-all, for the other formats. They may be one pool, of
    // decode-all.
    Fingerprinter(sandbox::Pool& light, sandbox::Pool& all) : light_(&light), all_(&all) {}
    explicit Fingerprinter(sandbox::Pool& all) : Fingerprinter(all, all) {}

    // Never fails as a whole: what could not be done stands in `problem`, the rest is there.
    Fingerprint fingerprint(const Content& content, sandbox::Submitter submitter, Wanted wanted = {}) const;

  private:
    sandbox::Pool* light_;
    sandbox::Pool* all_;
};

// A fingerprint to keep beside its content's hash: everything but the exact hashes, the size and the stages.
// unpack() gives nullopt for bytes that pack() cannot have made.
ByteVector pack(const Fingerprint& fingerprint);
std::optional<Fingerprint> unpack(Bytes bytes);

}  // namespace rushlight::media
