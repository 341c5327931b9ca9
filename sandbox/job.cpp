#include "sandbox/handshake.h"
#include "sandbox/pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace rushlight::sandbox {
namespace {

constexpr int kStartTries = 3;  // a child that waited long may have been killed from outside meanwhile

tl::unexpected<Problem> problem(Reason reason, std::string message) {
    return tl::unexpected<Problem>(Problem{reason, std::move(message)});
}

std::string in_words(std::chrono::milliseconds time) {
    if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
    return std::to_string(time.count()) + " ms";
}

}  // namespace

// ---- Pool

Pool::Pool(std::shared_ptr<State> state) : state_(std::move(state)) {}
Pool::Pool(Pool&&) noexcept = default;
Pool& Pool::operator=(Pool&& other) noexcept {
    if (this != &other) {
        Pool old(std::move(state_));
        state_ = std::move(other.state_);
    }
    return *this;
}

Pool::~Pool() {
    if (!state_) return;
    std::unique_lock lock(state_->mutex);
    state_->all_returned.wait(lock, [&] { return state_->lent == 0; });
}

Result<Pool> Pool::create(Options options) {
    if (!options.use.seccomp && options.use.landlock_abi == 0 && !options.allow_weak)
        return fail(ErrorCode::unavailable,
                    "this kernel offers neither seccomp nor landlock, so files from outside cannot be read "
                    "safely; run on a kernel that has one of them, or accept the risk with "
                    "--allow-weak-sandbox");
    if (options.program.empty() || options.program.front() != '/')
        return fail(ErrorCode::invalid,
                    "the decode program needs an absolute path, not '" + options.program + "'");
    options.children = std::max(options.children, 1u);
    options.limits.jobs = std::max<std::uint32_t>(options.limits.jobs, 1);

    // The first child shows whether any will work.
    std::shared_ptr<State> state;
    try {
        state = std::make_shared<State>(std::move(options));
    } catch (const std::system_error& error) {
        return fail(ErrorCode::unavailable, std::string("cannot start a thread: ") + error.what());
    }
    auto first = state->take_child({});
    if (!first) return pass(first.error());
    if (auto locked = (*first)->await_locked(); !locked) return pass(locked.error());
    std::lock_guard lock(state->mutex);
    state->fresh.push_front(std::move(*first));
    return Pool(std::move(state));
}

Outcome<Job> Pool::start(Submitter submitter) {
    auto job = std::make_unique<Job::State>();
    job->pool = state_;
    {
        std::lock_guard lock(state_->mutex);
        ++state_->lent;
        ++state_->totals.jobs;
        state_->spares_wanted = true;
    }
    state_->take_slot(true);
    job->has_slot = true;
    job->slot_owner = std::this_thread::get_id();

    Error last;
    for (int i = 0; i < kStartTries; ++i) {
        auto child = state_->take_child(submitter);
        if (!child) return problem(Reason::crashed, child.error().message);
        auto locked = (*child)->await_locked();
        // A spare may have been killed since it said that it is ready: no file is to blame for that.
        if (locked && (*child)->quiet()) {
            job->child = std::move(*child);
            return Job(std::move(job));
        }
        last = locked ? Error{ErrorCode::unavailable, "a reader ended before it was asked anything"}
                      : locked.error();
    }
    return problem(Reason::crashed, last.message);
}

const Options& Pool::options() const { return state_->options; }

Pool::Counts Pool::counts() const {
    std::lock_guard lock(state_->mutex);
    Counts counts = state_->totals;
    counts.waiting = state_->waiting.size();
    return counts;
}

// ---- Job

Job::Job(std::unique_ptr<State> state) : state_(std::move(state)) {}
Job::Job(Job&&) noexcept = default;
Job& Job::operator=(Job&&) noexcept = default;
Job::~Job() = default;

Job::State::~State() {
    if (!pool) return;
    if (child && !half_done) {
        pool->give_back(std::move(child));
    } else if (child) {
        child->kill();
        std::lock_guard lock(pool->mutex);
        pool->retire(std::move(child));
    }
    free_slot();  // after the child is back: the next in turn may be waiting for this very one
    std::lock_guard lock(pool->mutex);
    if (--pool->lent == 0) pool->all_returned.notify_all();
}

void Job::State::take_slot() {
    if (has_slot) return;
    pool->take_slot(false);
    slot_owner = std::this_thread::get_id();
    has_slot = true;
}

void Job::State::free_slot() {
    if (has_slot) pool->free_slot(slot_owner);
    has_slot = false;
}

// Ends the child and remembers why.
Problem Job::State::give_up(const wire::Broken& broken) {
    switch (broken.failure) {
        case wire::Failure::closed:
            failure = child->end();
            break;
        case wire::Failure::timeout:
            failure = {Reason::timeout, "reading it took longer than " + in_words(pool->options.limits.time)};
            break;
        case wire::Failure::malformed:
            failure = {
                Reason::crashed,
                "the reader broke the protocol: a message too large, too short, of a wrong kind or with "
                "too many descriptors"};
            break;
        case wire::Failure::system:
            failure = {Reason::crashed,
                       fail_errno("cannot talk to the reader", broken.error_number).value().message};
            break;
    }
    child->kill();
    {
        std::lock_guard lock(pool->mutex);
        pool->retire(std::move(child));
        ++(failure.reason == Reason::timeout ? pool->totals.timed_out : pool->totals.crashed);
    }
    free_slot();
    return failure;
}

Outcome<void> Job::send(std::uint32_t kind, Bytes body, std::span<const int> fds) {
    auto& s = *state_;
    if (!s.child) return tl::unexpected(s.failure);
    if (kind >= wire::kReserved || body.size() > kMaxBody || fds.size() > kMaxFds)
        return problem(Reason::too_large, "a request beyond what a message may hold");
    s.take_slot();
    if (!s.half_done) ++s.child->jobs;
    s.half_done = true;
    s.deadline = std::chrono::steady_clock::now() + s.pool->options.limits.time;
    if (auto sent = s.child->send(kind, body, fds, s.deadline); !sent)
        return tl::unexpected(s.give_up(sent.error()));
    return {};
}

Outcome<Message> Job::receive() {
    auto& s = *state_;
    if (!s.child) return tl::unexpected(s.failure);
    if (!s.half_done) return problem(Reason::crashed, "nothing was asked, so nothing can be answered");
    s.take_slot();
    auto message = s.child->receive(s.deadline);
    if (!message) return tl::unexpected(s.give_up(message.error()));
    if (message->kind >= wire::kReserved)
        return tl::unexpected(s.give_up(wire::Broken{wire::Failure::malformed}));
    s.free_slot();
    return std::move(*message);
}

void Job::done() { state_->half_done = false; }

}  // namespace rushlight::sandbox
