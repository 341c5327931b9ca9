// For tests: the rules of docs/lists.md once more, in the plainest way: compare the query with every entry.
#pragma once

#include "match/matcher.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace rushlight::match::testing {

struct ModelEntry {
    List list;
    Value value;
    EntryState state = EntryState::active;
};

struct ModelAnswer {
    Decision decision = Decision::none;
    std::vector<std::string> matches,
        suppressed;  // "LIST METHOD ENTRY DISTANCE THRESHOLD ORIENTATION STATE SHARES"
    bool low_quality = false;

    bool operator==(const ModelAnswer&) const = default;
};

inline std::string line_of(const Match& m) {
    return m.list + " " + std::string(to_string(m.method)) + " " + m.entry + " " +
           std::to_string(m.distance) + "/" + std::to_string(m.threshold) + " " +
           std::string(to_string(m.orientation)) + " " + std::string(to_string(m.state)) +
           (m.shares ? " " + std::to_string(m.shares->query) + "%" + std::to_string(m.shares->listed) + "%"
                     : "");
}

inline ModelAnswer summary_of(const Answer& answer) {
    ModelAnswer summary;
    summary.decision = answer.decision;
    for (const auto& match : answer.matches) summary.matches.push_back(line_of(match));
    for (const auto& one : answer.suppressed) {
        summary.suppressed.push_back(line_of(one.match) + " by " + one.by.list + " " +
                                     std::to_string(one.by.distance));
    }
    std::ranges::sort(summary.matches);
    std::ranges::sort(summary.suppressed);
    summary.low_quality = answer.reason == Reason::low_quality;
    return summary;
}

inline std::vector<Pdq> good_frames(const std::vector<VideoFrame>& frames) {
    std::vector<Pdq> good;
    for (const auto& frame : frames) {
        if (frame.quality >= 50 && std::ranges::find(good, frame.hash) == good.end())
            good.push_back(frame.hash);
    }
    return good;
}

// What this entry alone gives; nullopt: no match.
inline std::optional<Match> compare(const Query& query, const ModelEntry& entry) {
    Match match;
    match.list = entry.list.name;
    match.kind = entry.list.kind;
    match.entry = entry.value.text();
    match.method = entry.value.method;
    match.state = entry.state;
    const auto equal = [&](const auto& hash) { return hash && Value::of(*hash) == entry.value; };
    switch (entry.value.method) {
        case Method::md5:
            return equal(query.md5) ? std::optional(match) : std::nullopt;
        case Method::sha1:
            return equal(query.sha1) ? std::optional(match) : std::nullopt;
        case Method::sha256:
            return equal(query.sha256) ? std::optional(match) : std::nullopt;
        case Method::photodna:
            return std::nullopt;
        case Method::pdq: {
            if (!query.pdq || query.quality.value_or(100) < 50) return std::nullopt;
            const Pdq listed = *Pdq::from(entry.value.bytes);
            match.threshold = query.threshold.value_or(entry.list.thresholds.pdq);
            match.distance = distance(*query.pdq, listed);
            for (std::size_t i = 0; query.dihedral && i < 7; ++i) {
                if (const int d = distance((*query.dihedral)[i], listed); d < match.distance) {
                    match.distance = d;
                    match.orientation = static_cast<Orientation>(i + 1);
                }
            }
            return match.distance <= match.threshold ? std::optional(match) : std::nullopt;
        }
        case Method::vpdq:
            break;
    }
    const auto asked = good_frames(query.frames);
    const auto listed = good_frames(entry.value.frames());
    match.threshold = query.threshold.value_or(entry.list.thresholds.vpdq);
    int matched = 0;
    std::set<std::size_t> hit;
    for (const auto& frame : asked) {
        int least = 999;
        for (std::size_t i = 0; i < listed.size(); ++i) {
            const int d = distance(frame, listed[i]);
            if (d <= match.threshold) hit.insert(i);
            least = std::min(least, d);
        }
        if (least > match.threshold) continue;
        ++matched;
        match.distance = std::max(match.distance, least);
    }
    if (matched == 0 || 100 * matched < entry.list.thresholds.vpdq_share * static_cast<int>(asked.size())) {
        return std::nullopt;
    }
    match.shares = Shares{100 * matched / static_cast<int>(asked.size()),
                          100 * static_cast<int>(hit.size()) / static_cast<int>(listed.size())};
    return match;
}

inline ModelAnswer plain_answer(const Query& query, const std::vector<ModelEntry>& entries, Time now) {
    std::vector<Match> known;
    std::vector<Match> negative;
    for (const auto& entry : entries) {
        if (entry.state == EntryState::disabled || (entry.list.expires && *entry.list.expires <= now))
            continue;
        const auto match = compare(query, entry);
        if (!match) continue;
        if (match->kind == ListKind::known) known.push_back(*match);
        if (match->kind == ListKind::negative && match->state == EntryState::active)
            negative.push_back(*match);
    }
    ModelAnswer answer;
    answer.low_quality = (query.pdq && query.quality.value_or(100) < 50) ||
                         (!query.frames.empty() && good_frames(query.frames).empty());
    for (const auto& match : known) {
        const bool exact = formats::is_exact(match.method);
        const Match* by = nullptr;
        for (const auto& n : negative) {
            const bool applies = formats::is_exact(n.method) || n.method == match.method;
            if (exact || !applies || n.distance > match.distance) continue;
            const auto rank = [](const Match& m) {
                return std::tuple(!formats::is_exact(m.method), m.distance, m.method, m.list, m.entry);
            };
            if (by == nullptr || rank(n) < rank(*by)) by = &n;
        }
        if (by != nullptr) {
            answer.suppressed.push_back(line_of(match) + " by " + by->list + " " +
                                        std::to_string(by->distance));
            continue;
        }
        answer.matches.push_back(line_of(match));
        if (match.state == EntryState::active) {
            answer.decision = std::min(answer.decision, exact ? Decision::exact : Decision::near);
        }
    }
    std::ranges::sort(answer.matches);
    std::ranges::sort(answer.suppressed);
    return answer;
}

}  // namespace rushlight::match::testing
