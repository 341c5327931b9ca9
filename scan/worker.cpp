#include "scan/worker.h"

#include "base/text.h"
#include "net/fetch_content.h"

#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

namespace rushlight::scan {
namespace {

using media::Fingerprint;

constexpr std::chrono::minutes kMostFetching{5};  // for one link

double ms_since(Steady::time_point start) {
    return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

// What happened once may not happen again: such an answer is no reason to skip the item next time.
bool would_come_out_the_same(const Fingerprint& fingerprint) {
    if (!fingerprint.problem) return true;
    switch (fingerprint.problem->reason) {
        case Reason::timeout:
        case Reason::crashed:
        case Reason::denied:
            return false;
        default:
            return true;
    }
}

bool is_archive(const media::Type& type) {
    return type.kind == media::Kind::archive || type.kind == media::Kind::web_archive;
}

media::Type type_of(const Content& content) {
    std::vector<std::byte> head(media::kSniffBytes);
    const auto n = content.read_at(0, head);
    return media::sniff(Bytes(head).first(n.value_or(0)));
}

struct Name {
    std::string shown;
    std::string absolute;
    std::optional<Visit> visit{};  // of a link

    Name member(const std::string& member) const {
        return {shown + '!' + member, absolute + '!' + member, std::nullopt};
    }
};

// One item that is being worked on.
class Worker {
  public:
    explicit Worker(Shared& shared) : shared_(shared) {}

    void operator()(FileTask task) {
        if (task.is_link) return fetch(task);
        std::error_code ignored;
        Name name{task.path, std::filesystem::absolute(task.path, ignored).lexically_normal().native()};
        auto content = Content::open(task.path);
        if (!content) {
            const bool special = content.error().code == ErrorCode::invalid;  // a pipe or a device by now
            return answer({.item = not_read(task.path, special, content.error().message),
                           .absolute_name = std::move(name.absolute)});
        }
        look_into(name, *content, task.ticket);
    }

    void operator()(MemberTask task) {
        check({std::move(task.name), std::move(task.absolute_name)}, task.date, task.content, task.problem);
    }

  private:
    std::stop_token stop() const { return shared_.stopping.get_token(); }
    void answer(Answered answered) { shared_.results.push(std::move(answered)); }

    void look_into(const Name& name, const Content& content, const std::shared_ptr<FileTicket>& ticket) {
        const media::Type type = type_of(content);
        if (!is_archive(type)) return check(name, std::nullopt, content, std::nullopt);
        archive::Budget budget{.limits = shared_.options.limits, .packed = content.size()};
        open_archive(name, std::nullopt, content, std::nullopt, type, budget, 1, ticket);
    }

    // What the link leads to now, into memory: as large as an archive's member may be.
    void fetch(const FileTask& task) {
        const auto start = Steady::now();
        const auto url = Url::parse(task.path);
        if (!url) return not_fetched(task.path, task.path, {.code = "no_link"}, url.error().message, start);
        Name name{task.path, url->without_fragment().href(), std::nullopt};
        if (!shared_.may_fetch()) return;
        net::Request request{.url = *url};
        request.limits.body_bytes = shared_.options.limits.member_bytes;
        request.limits.total = kMostFetching;
        auto fetched = net::fetch_content(*shared_.parts.client, request, {}, stop());
        if (!fetched) {
            if (stop().stop_requested()) return;  // left for the next time
            const net::Failure& failure = fetched.error();
            return not_fetched(name.shown, name.absolute,
                               {.code = std::string(to_string(failure.code)), .status = failure.status},
                               failure.message, start);
        }
        name.visit.emplace();
        if (fetched->response.redirects > 0) name.visit->final_url = fetched->response.url.href();
        look_into(name, fetched->content, task.ticket);
    }

    void not_fetched(const std::string& link, const std::string& stored_as, Visit visit,
                     const std::string& why, Steady::time_point start) {
        Item item{.name = link};
        item.problem = Problem{Reason::not_fetched, why};
        item.visit = std::move(visit);
        item.ms = ms_since(start);
        answer({.item = std::move(item), .absolute_name = stored_as});
    }

    Fingerprint exact_hashes(const Content& content) const {
        return shared_.parts.fingerprinter.fingerprint(content, shared_.submitter,
                                                       {.exact = true, .perceptual = false, .stop = stop()});
    }

    // Its fingerprint: from an earlier reading of the same bytes, or made now.
    struct Read {
        Fingerprint fingerprint;
        bool known = false;
        bool answered = false;
    };
    std::optional<Read> read(const Name& name, const Content& content) const {
        if (shared_.options.again)
            return Read{.fingerprint = shared_.checker.read(content, shared_.submitter, stop())};
        const auto before = content.stamp().value_or(0);
        Fingerprint exact = exact_hashes(content);
        if (!exact.exact) return Read{.fingerprint = std::move(exact)};
        auto known = shared_.store.find(exact.exact->sha256, name.absolute, shared_.asked);
        if (!known) {
            shared_.fail_with(std::move(known.error()));
            return std::nullopt;
        }
        Read read{.fingerprint = {}, .known = known->fingerprint.has_value(), .answered = known->answered};
        read.fingerprint =
            read.known ? std::move(*known->fingerprint)
                       : shared_.parts.fingerprinter.fingerprint(
                             content, shared_.submitter, {.exact = false, .dihedral = true, .stop = stop()});
        if (content.stamp().value_or(0) != before)
            return Read{.fingerprint = shared_.checker.read(content, shared_.submitter,
                                                            stop())};  // changed while we read it
        read.fingerprint.exact = exact.exact;
        read.fingerprint.bytes = exact.bytes;
        return read;
    }
    // `broken` says why an archive's member is only a part: what was unpacked is checked all the same.
    void check(const Name& name, std::optional<Time> date, const Content& content,
               const std::optional<Problem>& broken) {
        const auto start = Steady::now();
        auto read_result = read(name, content);
        if (!read_result) return;
        if (!read_result->fingerprint.exact && stop().stop_requested()) return;  // not all of it was read
        if (broken) read_result->fingerprint.problem = broken;
        const bool repeatable = would_come_out_the_same(read_result->fingerprint);
        Item item{.name = name.shown, .date = date, .visit = name.visit};
        mark_if_answered(item, read_result->answered);
        item.outcome = shared_.checker.decide(std::move(read_result->fingerprint));
        item.ms = ms_since(start);
        answer({.item = std::move(item),
                .absolute_name = name.absolute,
                .repeatable = repeatable,
                .keep_fingerprint = repeatable && !broken && !read_result->known});
    }

    // Goes through the members; the archive's own line comes last, with what ended it early.
    void open_archive(const Name& name, std::optional<Time> date, const Content& content,
                      const std::optional<Problem>& broken, media::Type type, archive::Budget& budget,
                      int depth, const std::shared_ptr<FileTicket>& ticket) {
        const auto start = Steady::now();
        Fingerprint own = exact_hashes(content);
        own.type = type;
        Item item{.name = name.shown, .date = date, .visit = name.visit};
        if (own.exact && !shared_.options.again) {
            const auto known = shared_.store.find(own.exact->sha256, name.absolute, shared_.asked);
            if (!known) return shared_.fail_with(known.error());
            mark_if_answered(item, known->answered);
        }
        if (!own.problem) own.problem = go_through(name, content, budget, depth, ticket);
        if (!own.problem) own.problem = broken;
        if (shared_.stopping.stop_requested()) return;  // not all of it was seen
        const bool repeatable = would_come_out_the_same(own);
        item.outcome = shared_.checker.decide(std::move(own));
        item.ms = ms_since(start);
        answer({.item = std::move(item), .absolute_name = name.absolute, .repeatable = repeatable});
    }

    static void mark_if_answered(Item& item, bool answered) {
        item.skipped = answered;
        if (!answered) return;
        item.message = item.visit ? "fetched again, and it has the same bytes: an earlier scan has answered "
                                    "them with the same lists"
                                  : "an earlier scan has answered it with the same lists; --again reads it "
                                    "anew";
    }

    std::optional<Problem> go_through(const Name& name, const Content& content, archive::Budget& budget,
                                      int depth, const std::shared_ptr<FileTicket>& ticket) {
        if (depth > budget.limits.depth) {
            return Problem{Reason::too_large, "archives within archives more than " +
                                                  std::to_string(budget.limits.depth) + " deep"};
        }
        auto reader = archive::Reader::open(shared_.parts.pool, content, budget, shared_.submitter);
        if (!reader) return std::move(reader.error());
        while (!shared_.stopping.stop_requested()) {
            auto next = reader->next();
            if (!next) return std::move(next.error());
            if (!next->has_value()) break;
            const Name inner = name.member((*next)->name);
            take_member(inner, std::move(**next), budget, depth, ticket);
        }
        return std::nullopt;
    }

    void take_member(const Name& name, archive::Member member, archive::Budget& budget, int depth,
                     const std::shared_ptr<FileTicket>& ticket) {
        if (!member.content) {
            Item item{.name = name.shown, .date = member.date};
            item.problem = std::move(member.problem);
            return answer({.item = std::move(item), .absolute_name = name.absolute});
        }
        const media::Type type = type_of(*member.content);
        if (is_archive(type))
            return open_archive(name, member.date, *member.content, member.problem, type, budget, depth + 1,
                                ticket);
        auto refused =
            shared_.queue.push_member({name.shown, name.absolute, member.date, std::move(member.problem),
                                       std::move(*member.content), ticket});
        if (refused) check(name, refused->date, refused->content, refused->problem);
    }

    Shared& shared_;
};

}  // namespace

Item not_read(std::string name, bool special, const std::string& why) {
    Item item{.name = std::move(name)};
    item.skipped = special;
    item.message = why;
    item.problem = Problem{Reason::denied, why};
    return item;
}

void Shared::fail_with(Error error) {
    {
        const std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::move(error);
    }
    stopping.request_stop();
    queue.stop();
}

bool Shared::may_fetch() {
    std::call_once(first_link, [&] {
        if (parts.client == nullptr) return fail_with({ErrorCode::invalid, "links are not fetched here"});
        if (!options.fetching) return;
        if (auto may = options.fetching(); !may) fail_with(may.error());
    });
    return !stopping.stop_requested();
}

void work(Shared& shared) {
    Worker worker(shared);
    while (auto task = shared.queue.take()) {
        std::visit(worker, std::move(*task));
        task.reset();  // its ticket counts before we say that we have finished
        shared.queue.finished();
    }
}

}  // namespace rushlight::scan
