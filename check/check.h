// check: one question answered end to end: bytes → fingerprint → decision. Every way in (scan, crawl, the
// HTTP API) shares this path, so that an item gets the same answer wherever it came from.
//
// Thread-safety: Checker is thread-safe as far as its parts are; it holds no state of its own.
#pragma once

#include "base/content.h"
#include "base/reason.h"
#include "match/match.h"
#include "media/fingerprint.h"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::check {

enum class Decision : std::uint8_t {
    exact,       // an equal MD5, SHA-1 or SHA-256 stands in a list
    near,        // a picture or video within the list's threshold
    none,        // read, and in no list
    unreadable,  // could not be read; nothing is known beyond its exact hashes, which are in no list
};
std::string_view to_string(Decision decision);

struct Outcome {
    media::Fingerprint fingerprint;
    match::Answer answer;
    Decision decision = Decision::none;
    std::optional<Problem> problem;  // why it is unreadable, or why no near match was tried
};

class Checker {
  public:
    // Both must outlive the checker.
    Checker(const media::Fingerprinter& fingerprinter, const match::Matcher& matcher)
        : fingerprinter_(&fingerprinter), matcher_(&matcher) {}

    // Of one file. An archive is not opened, and therefore `unsupported`: that is what a scan is for, which
    // brings each member here by itself.
    Outcome check(const Content& content, sandbox::Submitter submitter) const;
    // The first half: all that a decision can need of the bytes.
    media::Fingerprint read(const Content& content, sandbox::Submitter submitter,
                            const std::stop_token& stop = {}) const {
        return fingerprinter_->fingerprint(content, submitter,
                                           {.exact = true, .dihedral = true, .stop = stop});
    }
    // The same for a fingerprint that is known already. An item that is unreadable but stands in a list by an
    // exact hash is `exact`.
    Outcome decide(media::Fingerprint fingerprint) const;
    // For hashes alone, of which there are no bytes: what `query` asks for. Fails where its threshold is
    // wrong.
    Result<Outcome> decide(const match::Query& query) const;

  private:
    const media::Fingerprinter* fingerprinter_;
    const match::Matcher* matcher_;
};

// The JSON of the command line and the API; keys that do not apply are left out.
nlohmann::ordered_json to_json(const match::Match& match);
nlohmann::ordered_json to_json(const match::Suppressed& suppressed);
// type, bytes, md5, sha1, sha256, pdq, quality.
void add_fingerprint(nlohmann::ordered_json& object, const media::Fingerprint& fingerprint);
// The fingerprint's keys, then decision, matches, suppressed, and where there is a problem, reason and
// message.
void add_outcome(nlohmann::ordered_json& object, const Outcome& outcome);

}  // namespace rushlight::check
