#include "archive/archive.h"
#include "archive/protocol.h"
#include "base/fd.h"
#include "base/text.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace rushlight::archive {
namespace {

using sandbox::Outcome;

tl::unexpected<Problem> problem(Reason reason, std::string message) {
    return tl::unexpected<Problem>(Problem{reason, std::move(message)});
}

std::uint64_t left_of(std::uint64_t limit, std::uint64_t used) { return limit > used ? limit - used : 0; }

// What may come out of everything that is in the outermost archive.
std::uint64_t ratio_limit(const Budget& budget) {
    const double most = std::max(0.0, budget.limits.ratio) * static_cast<double>(budget.packed);
    if (most >= 9e18) return std::uint64_t{1} << 63;
    return std::max(budget.limits.ratio_floor, static_cast<std::uint64_t>(most));
}

// How many members everything in the outermost archive may have.
std::uint64_t members_limit(const Budget& budget) {
    const std::uint64_t bytes_each = std::max<std::uint64_t>(1, budget.limits.member_packed_bytes);
    return std::max(budget.limits.members_floor, budget.packed / bytes_each);
}

std::optional<Problem> spent(const Budget& budget) {
    if (budget.bytes > ratio_limit(budget))
        return Problem{Reason::bomb, "unpacks to far more than its own size"};
    if (budget.bytes > budget.limits.total_bytes)
        return Problem{Reason::too_large, "its members together are larger than the limit"};
    if (budget.members > members_limit(budget))
        return Problem{Reason::bomb, "has far more members than its own size"};
    if (budget.members > budget.limits.members)
        return Problem{Reason::too_large, "more members than the limit allows"};
    return std::nullopt;
}

Problem lying() { return {Reason::crashed, "the reader broke the protocol"}; }

}  // namespace

struct Reader::State {
    State(sandbox::Job j, const sandbox::Pool& pool, Budget& b)
        : job(std::move(j)),
          budget(b),
          member_bytes(std::min(b.limits.member_bytes, pool.options().limits.output)) {}
    ~State() {
        if (!finished) close();
    }

    Outcome<void> ask(std::uint32_t kind, const int* content);
    Outcome<void> take_batch(sandbox::Message message);
    Outcome<Member> deliver(Entry entry);
    tl::unexpected<Problem> end_with(Problem why);
    void close();

    sandbox::Job job;
    Budget& budget;
    std::uint64_t member_bytes;
    Fd spare;  // the child's, for the next member that fits no message
    bool fresh_spare = false;
    ByteVector body;  // of the last batch; entries view into it
    std::deque<Entry> entries;
    Fd filled;  // the spare that holds the last entry of the batch
    Next next = Next::more;
    std::optional<Problem> last;  // why next is failed
    std::uint64_t progress = 0;
    int idle_in_a_row = 0;
    std::uint64_t count = 0;
    bool finished = false;  // nothing is asked any more: the child is clean, or dead
};

Outcome<void> Reader::State::ask(std::uint32_t kind, const int* content) {
    if (!spare) {
        auto made = make_memory_file("rushlight-member");
        if (!made) return problem(Reason::too_large, made.error().message);
        spare = std::move(*made);
        fresh_spare = true;
    }
    Allowance allowance;
    allowance.member_bytes = member_bytes;
    allowance.total_bytes = left_of(budget.limits.total_bytes, budget.bytes);
    allowance.ratio_bytes = left_of(ratio_limit(budget), budget.bytes);
    allowance.work_bytes = allowance.ratio_bytes;
    // One more than an honest archive has: that one is counted here, and called a bomb.
    allowance.members = std::min(left_of(budget.limits.members, budget.members),
                                 left_of(members_limit(budget), budget.members) + 1);

    std::vector<int> fds;
    if (content != nullptr) fds.push_back(*content);
    if (std::exchange(fresh_spare, false)) fds.push_back(spare.get());
    if (auto sent = job.send(kind, write_allowance(allowance), fds); !sent)
        return tl::unexpected(sent.error());
    auto message = job.receive();
    if (!message) return tl::unexpected(message.error());
    return take_batch(std::move(*message));
}

Outcome<void> Reader::State::take_batch(sandbox::Message message) {
    if (message.kind != kBatch || !message.fds.empty()) return tl::unexpected(lying());
    body = std::move(message.body);
    auto batch = parse_batch(body);
    if (!batch) return tl::unexpected(lying());
    const bool idle = batch->entries.empty() && batch->next == Next::more;
    if (batch->progress < progress || (idle && batch->progress - progress < kLeastProgress))
        return tl::unexpected(lying());
    idle_in_a_row = idle ? idle_in_a_row + 1 : 0;
    if (idle_in_a_row > kMostIdle) return problem(Reason::timeout, "the reader gave nothing for too long");
    progress = batch->progress;
    entries.assign(std::make_move_iterator(batch->entries.begin()),
                   std::make_move_iterator(batch->entries.end()));
    next = batch->next;
    last = std::move(batch->problem);
    if (last) last->message = printable(last->message);
    if (batch->spare_used) filled = std::move(spare);
    if (next != Next::more) {
        job.done();
        finished = true;
    }
    return {};
}

Outcome<Member> Reader::State::deliver(Entry entry) {
    Member member;
    member.name = std::move(entry.name);
    member.date = entry.date;
    member.problem = std::move(entry.problem);
    if (member.problem) member.problem->message = printable(member.problem->message);
    if (entry.place != Place::nowhere) {
        auto content = entry.place == Place::in_spare ? Content::from_memory_file(std::move(filled))
                                                      : Content::from_bytes(entry.bytes);
        if (!content) return problem(Reason::denied, content.error().message);
        if (content->size() != entry.size || content->size() > member_bytes) return tl::unexpected(lying());
        budget.bytes += content->size();
        member.content = std::move(*content);
    }
    ++budget.members;
    if (auto why = spent(budget)) return tl::unexpected(std::move(*why));
    ++count;
    return member;
}

tl::unexpected<Problem> Reader::State::end_with(Problem why) {
    if (!finished) close();
    finished = true;
    next = Next::failed;
    entries.clear();
    last = why;
    if (count != 0) why.message += ", after " + std::to_string(count) + (count == 1 ? " member" : " members");
    return tl::unexpected<Problem>(std::move(why));
}

// Frees the child for others. Where it does not answer as it should, the job's end kills it.
void Reader::State::close() {
    if (!job.send(kClose, {})) return;
    const auto answer = job.receive();
    if (answer && answer->kind == kClosed) job.done();
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Outcome<Reader> Reader::open(sandbox::Pool& pool, const Content& content, Budget& budget,
                             sandbox::Submitter submitter) {
    if (budget.packed == 0) budget.packed = content.size();
    if (auto why = spent(budget)) return tl::unexpected(std::move(*why));
    auto job = pool.start(submitter);
    if (!job) return tl::unexpected(job.error());
    auto state = std::make_unique<State>(std::move(*job), pool, budget);
    const int fd = content.fd();
    if (auto asked = state->ask(kOpen, &fd); !asked) return state->end_with(asked.error());
    if (state->next == Next::failed && state->entries.empty()) return state->end_with(*state->last);
    return Reader(std::move(state));
}

Outcome<std::optional<Member>> Reader::next() {
    auto& s = *state_;
    while (s.entries.empty()) {
        if (s.next == Next::end) return std::nullopt;
        if (s.next == Next::failed) return s.end_with(*s.last);
        if (auto asked = s.ask(kNext, nullptr); !asked) return s.end_with(asked.error());
    }
    Entry entry = std::move(s.entries.front());
    s.entries.pop_front();
    auto member = s.deliver(std::move(entry));
    if (!member) return s.end_with(member.error());
    return std::optional<Member>(std::move(*member));
}

}  // namespace rushlight::archive
