#include "base/text.h"
#include "check/check.h"
#include "check/service.h"
#include "check/state.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace rushlight::check {

using nlohmann::ordered_json;

namespace {

// Of `matches` and of `suppressed` so many stand in an event; the second where they are unusually long.
constexpr std::array<std::size_t, 3> kToldInEvents = {50, 5, 0};
constexpr std::size_t kMostReceiptInEvents = kMostEventBytes / 4;

// A video's entry is all of its frames, hundreds of KB for a long one: an event leaves it out.
match::Match as_told(match::Match match) {
    if (match.method == match::Method::vpdq) match.entry.clear();
    return match;
}

match::Answer as_told(const match::Answer& answer, std::size_t most) {
    match::Answer told;
    const std::size_t matches = std::min(most, answer.matches.size());
    const std::size_t suppressed = std::min(most, answer.suppressed.size());
    for (std::size_t i = 0; i < matches; ++i) told.matches.push_back(as_told(answer.matches[i]));
    for (std::size_t i = 0; i < suppressed; ++i) {
        const match::Suppressed& one = answer.suppressed[i];
        told.suppressed.push_back({as_told(one.match), as_told(one.by), one.why});
    }
    told.left_out = answer.left_out + answer.matches.size() - matches + answer.suppressed.size() - suppressed;
    return told;
}

}  // namespace

ordered_json to_json(const match::Match& match) {
    ordered_json object{{"list", to_utf8(match.list)},
                        {"entry", match.entry.empty() ? ordered_json(nullptr) : ordered_json(match.entry)},
                        {"method", match::formats::to_string(match.method)},
                        {"distance", match.distance},
                        {"threshold", match.threshold},
                        {"orientation", match::to_string(match.orientation)},
                        {"category", match.category}};
    if (match.kind == match::ListKind::negative) object["kind"] = "negative";
    if (match.state == match::EntryState::quarantined) object["state"] = "quarantined";
    if (match.shares) object["shares"] = {{"query", match.shares->query}, {"listed", match.shares->listed}};
    return object;
}

ordered_json to_json(const match::Suppressed& suppressed) {
    ordered_json object = to_json(suppressed.match);
    object["by"] = to_json(suppressed.by);
    object["why"] = suppressed.why;
    return object;
}

void add_fingerprint(ordered_json& object, const media::Fingerprint& fingerprint) {
    if (fingerprint.exact || fingerprint.bytes > 0) {
        object["type"] = fingerprint.type.mime;
        object["bytes"] = fingerprint.bytes;
    }
    if (fingerprint.exact) {
        object["md5"] = fingerprint.exact->md5.hex();
        object["sha1"] = fingerprint.exact->sha1.hex();
        object["sha256"] = fingerprint.exact->sha256.hex();
    }
    if (fingerprint.pdq) object["pdq"] = fingerprint.pdq->hex();
    if (fingerprint.quality) object["quality"] = *fingerprint.quality;
}

void add_outcome(ordered_json& object, const Outcome& outcome) {
    add_fingerprint(object, outcome.fingerprint);
    object["decision"] = to_string(outcome.decision);
    object["matches"] = ordered_json::array();
    for (const match::Match& match : outcome.answer.matches) object["matches"].push_back(to_json(match));
    object["suppressed"] = ordered_json::array();
    for (const match::Suppressed& s : outcome.answer.suppressed) object["suppressed"].push_back(to_json(s));
    if (outcome.answer.left_out > 0) object["left_out"] = outcome.answer.left_out;
    if (outcome.problem) {
        object["reason"] = to_string(outcome.problem->reason);
        object["message"] = to_utf8(outcome.problem->message);
    }
}

ordered_json to_json(const Reply& reply) {
    ordered_json object{{"id", reply.id}};
    const media::Fingerprint& fingerprint = reply.outcome.fingerprint;
    add_outcome(object, reply.outcome);
    if (fingerprint.width && fingerprint.height) {
        object["width"] = *fingerprint.width;
        object["height"] = *fingerprint.height;
    }
    // Whoever reads an answer of the API finds every key, whatever the file was.
    for (const char* key :
         {"type", "bytes", "width", "height", "md5", "sha1", "sha256", "pdq", "quality", "case", "reason"}) {
        if (!object.contains(key)) object[key] = nullptr;
    }
    object["action"] = to_string(reply.verdict.action);
    object["review"] = reply.verdict.review;
    object["why"] = to_utf8(reply.verdict.why);
    if (!reply.held.empty()) object["held"] = true;
    if (!reply.receipt.empty()) object["receipt"] = ordered_json::parse(reply.receipt, nullptr, false);
    return object;
}

std::string event_of(const Reply& reply, bool correction) {
    Reply told{.id = reply.id,
               .at = reply.at,
               .outcome = {.fingerprint = reply.outcome.fingerprint,
                           .answer = {},
                           .decision = reply.outcome.decision,
                           .problem = reply.outcome.problem},
               .verdict = reply.verdict,
               .policy = reply.policy,
               .held = reply.held,
               .receipt = {}};
    if (reply.receipt.size() <= kMostReceiptInEvents) told.receipt = reply.receipt;
    std::string text;
    for (const std::size_t most : kToldInEvents) {
        told.outcome.answer = as_told(reply.outcome.answer, most);
        ordered_json object = to_json(told);
        if (correction) object["correction"] = true;
        text = object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
        if (text.size() <= kMostEventBytes) break;
    }
    return text;
}

}  // namespace rushlight::check
