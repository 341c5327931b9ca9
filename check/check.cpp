#include "check/check.h"

#include <utility>

namespace rushlight::check {
namespace {

match::Query query_of(const media::Fingerprint& fingerprint) {
    match::Query query;
    if (fingerprint.exact) {
        query.md5 = fingerprint.exact->md5;
        query.sha1 = fingerprint.exact->sha1;
        query.sha256 = fingerprint.exact->sha256;
    }
    query.pdq = fingerprint.pdq;
    query.quality = fingerprint.quality;
    query.dihedral = fingerprint.dihedral;
    query.frames.reserve(fingerprint.frames.size());
    for (const media::Frame& frame : fingerprint.frames) {
        query.frames.push_back({.hash = frame.pdq, .quality = frame.quality, .seconds = frame.seconds});
    }
    return query;
}

// A text is not unreadable: it was read, and its exact hashes say all there is to say.
bool hinders_reading(const Problem& problem) {
    return problem.reason != Reason::not_media && problem.reason != Reason::low_quality;
}

Decision decision_of(const match::Answer& answer, const std::optional<Problem>& problem) {
    switch (answer.decision) {
        case match::Decision::exact:
            return Decision::exact;
        case match::Decision::near:
            return Decision::near;
        case match::Decision::none:
            break;
    }
    return problem && hinders_reading(*problem) ? Decision::unreadable : Decision::none;
}

Problem too_flat(Reason reason) { return {reason, "too flat for a near match to mean anything"}; }

}  // namespace

std::string_view to_string(Decision decision) {
    switch (decision) {
        case Decision::exact:
            return "exact";
        case Decision::near:
            return "near";
        case Decision::none:
            return "none";
        case Decision::unreadable:
            break;
    }
    return "unreadable";
}

// "Neither a picture nor a video" would be the end of it, when there may be thousands of them inside.
Outcome Checker::check(const Content& content, sandbox::Submitter submitter) const {
    media::Fingerprint fingerprint = read(content, submitter);
    const bool archive =
        fingerprint.type.kind == media::Kind::archive || fingerprint.type.kind == media::Kind::web_archive;
    if (archive && fingerprint.problem && fingerprint.problem->reason == Reason::not_media) {
        fingerprint.problem = Problem{Reason::unsupported,
                                      "an archive, which a check does not open: what is inside was not "
                                      "compared (a scan reads archives: rushlight scan)"};
    }
    return decide(std::move(fingerprint));
}

Outcome Checker::decide(media::Fingerprint fingerprint) const {
    Outcome outcome;
    // Only a query with a threshold of its own can be refused.
    if (auto answer = matcher_->match(query_of(fingerprint))) outcome.answer = std::move(*answer);
    outcome.decision = decision_of(outcome.answer, fingerprint.problem);
    outcome.problem = fingerprint.problem;
    if (!outcome.problem && outcome.answer.reason) outcome.problem = too_flat(*outcome.answer.reason);
    outcome.fingerprint = std::move(fingerprint);
    return outcome;
}

Result<Outcome> Checker::decide(const match::Query& query) const {
    auto answer = matcher_->match(query);
    if (!answer) return pass(answer.error());
    Outcome outcome;
    outcome.answer = std::move(*answer);
    outcome.decision = decision_of(outcome.answer, std::nullopt);
    if (outcome.answer.reason) outcome.problem = too_flat(*outcome.answer.reason);
    return outcome;
}

}  // namespace rushlight::check
