#include "match/judge.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace rushlight::match {
namespace {

constexpr std::array<std::string_view, 3> kDecisions = {"exact", "near", "none"};
constexpr std::array<std::string_view, 8> kOrientations = {
    "original", "rot270", "rot180", "rot90", "flip_vertical", "flip_horizontal", "transpose", "transverse"};

// An entry that was hit, before anything is spelt out.
struct Hit {
    const List* list = nullptr;
    Method method = Method::md5;
    EntryState state = EntryState::active;
    int distance = 0;
    int threshold = 0;
    Orientation orientation = Orientation::original;
    std::optional<Shares> shares;
    Bytes packed;  // in the query, the tables, or `pdq`
    Pdq pdq;       // of Method::pdq

    bool exact() const { return formats::is_exact(method); }
    Bytes value() const { return method == Method::pdq ? Bytes(pdq.value) : packed; }
};

bool before(const Hit& a, const Hit& b) {
    const auto key = [](const Hit& hit) {
        return std::tuple(!hit.exact(), hit.distance, hit.method, std::string_view(hit.list->name),
                          text_of(hit.value()));
    };
    return key(a) < key(b);
}

Match spell(const Hit& hit) {
    const Bytes bytes = hit.value();
    const Value value{hit.method, ByteVector(bytes.begin(), bytes.end())};
    return {hit.list->name, hit.list->kind, hit.list->category, value.text(),    hit.method,
            hit.state,      hit.distance,   hit.threshold,      hit.orientation, hit.shares};
}

class Judge {
  public:
    Judge(const Query& query, std::span<const std::shared_ptr<Tables>> tables, const ListTable& lists,
          Time now)
        : query_(query), tables_(tables), lists_(lists), now_(now) {
        for (const auto& [number, list] : lists) {
            if (is_expired(list)) continue;
            widest_pdq_ = std::max(widest_pdq_, pdq_threshold(list));
            widest_frame_ = std::max(widest_frame_, frame_threshold(list));
        }
    }

    Answer run() {
        if (query_.explain) explanation_.emplace();
        if (!query_.md5 && !query_.sha1 && !query_.sha256 && !query_.pdq && query_.frames.empty()) {
            remark(
                "there was nothing to search for: PhotoDNA values are kept and handed on, and never matched");
        }
        for (const auto& tables : tables_) {
            if (query_.md5) exact(*tables, Method::md5, query_.md5->value);
            if (query_.sha1) exact(*tables, Method::sha1, query_.sha1->value);
            if (query_.sha256) exact(*tables, Method::sha256, query_.sha256->value);
        }
        near_pictures();
        near_videos();
        return conclude();
    }

  private:
    int pdq_threshold(const List& list) const { return query_.threshold.value_or(list.thresholds.pdq); }
    int frame_threshold(const List& list) const { return query_.threshold.value_or(list.thresholds.vpdq); }
    bool is_expired(const List& list) const { return list.expires && *list.expires <= now_; }
    const List* list_of(Tag tag) const {
        const auto found = lists_.find(tag.list);
        return found == lists_.end() || is_expired(found->second) ? nullptr : &found->second;
    }
    void remark(std::string words) {
        if (explanation_) explanation_->remarks.push_back(std::move(words));
    }
    void searched(const Tables& tables, Method method, Orientation orientation, int distance,
                  const index::SearchCost& cost) {
        if (!explanation_) return;
        explanation_->searches.push_back(
            {method, orientation, distance, tables.entries(method), cost.candidates, cost.scanned});
    }

    void exact(const Tables& tables, Method method, Bytes key) {
        std::uint64_t found = 0;
        tables.exact(method).find(key, [&](ExactTable::Payload payload) {
            ++found;
            const Tag tag = Tag::unpack(payload);
            const List* list = list_of(tag);
            if (list == nullptr) return;
            // An entry is there twice for a moment while its state changes.
            for (const Hit& hit : hits_) {
                if (hit.list == list && hit.method == method) return;
            }
            hits_.push_back({list, method, tag.state, 0, 0, Orientation::original, {}, key, {}});
        });
        searched(tables, method, Orientation::original, 0, {found, false});
    }

    void near_pictures() {
        if (!query_.pdq) return;
        if (query_.quality && *query_.quality < kMinimumQuality) {
            reason_ = Reason::low_quality;
            remark("PDQ was not searched: a quality of " + std::to_string(*query_.quality) + " is below " +
                   std::to_string(kMinimumQuality) + ", too flat for a near match to mean anything");
            return;
        }
        std::map<std::tuple<std::uint32_t, Pdq>, Hit> best;
        const auto search = [&](const Pdq& hash, Orientation orientation) {
            for (const auto& tables : tables_) {
                std::vector<index::Hit> found;
                index::SearchCost cost;
                tables->pdq().search(hash, widest_pdq_, found, &cost);
                searched(*tables, Method::pdq, orientation, widest_pdq_, cost);
                for (const auto& one : found) {
                    const Tag tag = Tag::unpack(one.id);
                    const List* list = list_of(tag);
                    if (list == nullptr || one.distance > pdq_threshold(*list)) continue;
                    const Hit hit{list,        Method::pdq, tag.state, one.distance, pdq_threshold(*list),
                                  orientation, {},          {},        one.hash};
                    const auto [place, fresh] = best.try_emplace({tag.list, one.hash}, hit);
                    if (!fresh && hit.distance < place->second.distance) place->second = hit;
                }
            }
        };
        search(*query_.pdq, Orientation::original);
        if (query_.dihedral) {
            for (std::size_t i = 0; i < query_.dihedral->size(); ++i) {
                search((*query_.dihedral)[i], static_cast<Orientation>(i + 1));
            }
        } else {
            remark("only the picture as it is was searched: its turned and mirrored hashes were not given");
        }
        for (auto& [key, hit] : best) hits_.push_back(hit);
    }

    // What one listed video has in common with the one asked about.
    struct Shared {
        Tag tag;
        const Video* video = nullptr;
        std::vector<bool> listed;  // its frames that match
        int query_frames = 0;      // of the query's that match
        int distance = 0;          // the greatest, over those, of the least to any of its frames
        int last = -1;             // the query's frame that matched last,
        int least = 0;             // and its least distance so far
    };

    void near_videos() {
        if (query_.frames.empty()) return;
        const auto frames = comparable_frames(query_.frames);
        if (frames.empty()) {
            reason_ = Reason::low_quality;
            remark("vPDQ was not searched: no frame has a quality of " + std::to_string(kMinimumQuality));
            return;
        }
        for (const auto& tables : tables_) {
            std::map<std::uint32_t, Shared> videos;
            index::SearchCost all;
            for (std::size_t i = 0; i < frames.size(); ++i) {
                std::vector<index::Hit> found;
                index::SearchCost cost;
                tables->frames().search(frames[i], widest_frame_, found, &cost);
                all.candidates += cost.candidates;
                all.scanned = all.scanned || cost.scanned;
                for (const auto& one : found) take_frame(*tables, static_cast<int>(i), one, videos);
            }
            searched(*tables, Method::vpdq, Orientation::original, widest_frame_, all);
            for (auto& [number, shared] : videos) conclude_video(shared, static_cast<int>(frames.size()));
        }
    }

    void take_frame(const Tables& tables, int frame, const index::Hit& hit,
                    std::map<std::uint32_t, Shared>& videos) const {
        const auto where = tables.frame_of(hit.id);
        if (where.video == nullptr) return;
        const std::uint32_t tag = where.video->tag.load(std::memory_order_acquire);
        const List* list = tag == 0 ? nullptr : list_of(Tag::unpack(tag));
        if (list == nullptr || hit.distance > frame_threshold(*list) || where.frame >= where.video->frames)
            return;
        Shared& shared = videos[where.number];
        if (shared.video == nullptr) {
            shared.tag = Tag::unpack(tag);
            shared.video = where.video;
            shared.listed.resize(where.video->frames);
        }
        shared.listed[where.frame] = true;
        if (shared.last == frame) {
            shared.least = std::min(shared.least, hit.distance);
            return;
        }
        shared.distance = std::max(shared.distance, shared.least);
        shared.last = frame;
        shared.least = hit.distance;
        ++shared.query_frames;
    }

    void conclude_video(const Shared& shared, int frames) {
        const List& list = *list_of(shared.tag);
        if (100 * std::int64_t{shared.query_frames} < std::int64_t{list.thresholds.vpdq_share} * frames)
            return;
        const auto listed = static_cast<int>(std::ranges::count(shared.listed, true));
        // A state change shows it twice for a moment: as another video of the same value.
        for (const Hit& hit : hits_) {
            if (hit.list == &list && hit.method == Method::vpdq &&
                std::ranges::equal(hit.packed, shared.video->packed)) {
                return;
            }
        }
        hits_.push_back({&list,
                         Method::vpdq,
                         shared.tag.state,
                         std::max(shared.distance, shared.least),
                         frame_threshold(list),
                         Orientation::original,
                         Shares{100 * shared.query_frames / frames,
                                100 * listed / static_cast<int>(shared.listed.size())},
                         shared.video->packed,
                         {}});
    }

    // The closest negative entry that takes `hit` back; null: none does.
    static const Hit* suppressor(const Hit& hit, std::span<const Hit> negatives) {
        if (hit.exact()) return nullptr;
        for (const Hit& negative : negatives) {  // the closest ones first
            if ((negative.exact() || negative.method == hit.method) && negative.distance <= hit.distance) {
                return &negative;
            }
        }
        return nullptr;
    }

    Answer conclude() {
        std::vector<Hit> known;
        std::vector<Hit> negatives;
        std::ranges::sort(hits_, before);
        for (const Hit& hit : hits_) {
            if (hit.list->kind == ListKind::known) {
                known.push_back(hit);
            } else if (hit.state == EntryState::active) {
                negatives.push_back(hit);
            } else {
                remark("a quarantined entry of the negative list '" + hit.list->name + "' at distance " +
                       std::to_string(hit.distance) + " suppresses nothing");
            }
        }
        Answer answer;
        answer.reason = reason_;
        for (const Hit& hit : known) {
            if (const Hit* by = suppressor(hit, negatives)) {
                const std::string why = by->exact()
                                            ? "the file itself is on a negative list"
                                            : "a negative entry at distance " + std::to_string(by->distance) +
                                                  " is no further away";
                if (answer.suppressed.size() < kMaxMatches) {
                    answer.suppressed.push_back({spell(hit), spell(*by), why});
                } else {
                    ++answer.left_out;
                }
                continue;
            }
            if (hit.state == EntryState::active) {
                const Decision decision = hit.exact() ? Decision::exact : Decision::near;
                answer.decision = std::min(answer.decision, decision);
            }
            if (answer.matches.size() < kMaxMatches) {
                answer.matches.push_back(spell(hit));
            } else {
                ++answer.left_out;
            }
        }
        explain();
        answer.explanation = std::move(explanation_);
        return answer;
    }

    void explain() {
        if (!explanation_) return;
        const auto say = [&](const List& list, std::string note) {
            const Thresholds applied{pdq_threshold(list), frame_threshold(list), list.thresholds.vpdq_share};
            explanation_->lists.push_back({list.name, list.kind, applied, std::move(note)});
        };
        for (const auto& [number, list] : lists_)
            say(list, is_expired(list) ? "left out: it expired at " + list.expires->rfc3339() : "");
        std::ranges::sort(explanation_->lists, {}, &Explanation::Searched::list);
    }

    const Query& query_;
    std::span<const std::shared_ptr<Tables>> tables_;
    const ListTable& lists_;
    const Time now_;
    int widest_pdq_ = 0, widest_frame_ = 0;
    std::vector<Hit> hits_;
    std::optional<Reason> reason_;
    std::optional<Explanation> explanation_;
};

}  // namespace

std::string_view to_string(Decision decision) { return kDecisions.at(static_cast<std::size_t>(decision)); }
std::string_view to_string(Orientation orientation) {
    return kOrientations.at(static_cast<std::size_t>(orientation));
}

Query query_of(const Value& value) {
    Query query;
    switch (value.method) {
        case Method::md5:
            query.md5 = Md5::from(value.bytes);
            break;
        case Method::sha1:
            query.sha1 = Sha1::from(value.bytes);
            break;
        case Method::sha256:
            query.sha256 = Sha256::from(value.bytes);
            break;
        case Method::pdq:
            query.pdq = Pdq::from(value.bytes);
            break;
        case Method::vpdq:
            query.frames = value.frames();
            break;
        case Method::photodna:
            break;
    }
    return query;
}

Answer judge(const Query& query, std::span<const std::shared_ptr<Tables>> tables, const ListTable& lists,
             Time now) {
    return Judge(query, tables, lists, now).run();
}

}  // namespace rushlight::match
