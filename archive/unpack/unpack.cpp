#include "archive/unpack/unpack.h"

#include "archive/protocol.h"
#include "archive/unpack/foreign.h"
#include "archive/unpack/meter.h"
#include "archive/unpack/source.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

#include <unistd.h>

namespace rushlight::archive::unpack {
namespace {

using namespace std::chrono_literals;

constexpr auto kHeartbeat = 1000ms;  // well within the time of one request
constexpr auto kGather = 20ms;       // small members are gathered into one message no longer than this

// One member's bytes: in memory while they fit into a message, else in the parent's memory file.
class MemberSink final : public Sink {
  public:
    explicit MemberSink(int spare) : spare_(spare) {}

    void write(Bytes bytes) override {
        if (spare_used_ || inline_.size() + bytes.size() > kMaxInline) {
            spill();
            put(bytes);
        } else {
            inline_.insert(inline_.end(), bytes.begin(), bytes.end());
        }
    }
    void zeros(std::uint64_t n) override {
        if (spare_used_ || n > kMaxInline - inline_.size()) {
            spill();
            size_ += n;
            hole_at_end_ = true;
        } else {
            inline_.resize(inline_.size() + static_cast<std::size_t>(n));
        }
    }
    // A memory file is as long as its last written byte.
    void close() {
        static constexpr std::byte kZero{0};
        if (!hole_at_end_) return;
        --size_;
        put(Bytes(&kZero, 1));
    }
    bool spare_used() const { return spare_used_; }
    bool failed() const { return failed_; }
    std::uint64_t size() const { return spare_used_ ? size_ : inline_.size(); }
    Bytes bytes() const { return inline_; }
    void reset(int spare) {
        spare_ = spare;
        spare_used_ = failed_ = hole_at_end_ = false;
        size_ = 0;
        inline_.clear();
    }

  private:
    void spill() {
        if (spare_used_) return;
        spare_used_ = true;
        put(std::exchange(inline_, {}));
    }
    void put(Bytes bytes) {
        hole_at_end_ = false;
        while (!bytes.empty() && !failed_) {
            const ssize_t n = ::pwrite(spare_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                failed_ = true;
                return;
            }
            size_ += static_cast<std::uint64_t>(n);
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
    }

    int spare_;
    bool spare_used_ = false;
    bool failed_ = false;
    bool hole_at_end_ = false;
    std::uint64_t size_ = 0;
    ByteVector inline_;
};

class Conversation {
  public:
    Conversation(sandbox::child::Channel& channel, const Allowance& allowance, Fd spare)
        : channel_(channel), meter_(allowance), spare_(std::move(spare)) {
        meter_.set_heartbeat([this] { reply(Next::more); }, kHeartbeat);
    }

    void run(int content) {
        auto source = open_source(content, meter_);
        if (!source) return reply(Next::failed, source.error());
        MemberSink sink(spare_.get());
        while (true) {
            Member member;
            const Step step = (*source)->next(member, sink);
            if (closed_) return;
            if (step == Step::end) return reply(Next::end);
            if (step == Step::failed) return reply(Next::failed, (*source)->problem());
            add(member, sink);
            if (sink.spare_used() || !(*source)->batches() || started_ + kGather < Clock::now())
                reply(Next::more);
            if (closed_) return;
            sink.reset(spare_.get());
        }
    }

    bool closed() const { return closed_; }

  private:
    using Clock = std::chrono::steady_clock;

    void add(Member& member, MemberSink& sink) {
        sink.close();
        if (sink.failed()) {
            member.has_content = false;
            member.problem = Problem{Reason::too_large, "no memory left to hold it"};
        }
        const auto place = !member.has_content ? Place::nowhere
                           : sink.spare_used() ? Place::in_spare
                                               : Place::in_message;
        const std::size_t inside = place == Place::in_message ? sink.bytes().size() : 0;
        if (!batch_.empty() && inside >= batch_.room(member.name.size())) reply(Next::more);
        if (closed_) return;
        batch_.add(member.name, member.date, member.problem, place, member.has_content ? sink.size() : 0,
                   sink.bytes());
        spare_used_ = sink.spare_used();
    }

    // Sends what there is and, where there is more to come, waits for the next request.
    void reply(Next next, const std::optional<Problem>& problem = std::nullopt) {
        channel_.send(kBatch, batch_.take(next, problem, spare_used_, meter_.progress()));
        if (next != Next::more) return;
        auto request = channel_.receive();
        const auto allowance = request.kind == kNext ? parse_allowance(request.body) : std::nullopt;
        if (!allowance || (spare_used_ && request.fds.size() != 1)) {
            closed_ = true;
            meter_.stop_with({Reason::denied, "closed"});  // unwinds whatever is being read
            return;
        }
        if (spare_used_) spare_ = std::move(request.fds[0]);
        spare_used_ = false;
        meter_.allow(*allowance);
        meter_.restart();
        started_ = Clock::now();
    }

    sandbox::child::Channel& channel_;
    Meter meter_;
    Fd spare_;
    BatchWriter batch_;
    bool spare_used_ = false;
    bool closed_ = false;
    Clock::time_point started_ = Clock::now();
};

void open(sandbox::Message request, sandbox::child::Channel& channel) {
    const auto allowance = parse_allowance(request.body);
    if (!allowance || request.fds.size() != 2) std::abort();  // the parent is ours: a bug
    const Fd content = std::move(request.fds[0]);
    Conversation conversation(channel, *allowance, std::move(request.fds[1]));
    conversation.run(content.get());
    if (conversation.closed()) channel.send(kClosed, {});
}

}  // namespace

std::map<std::uint32_t, sandbox::child::Handler> handlers() {
    prepare_names();
    return {{kOpen, open}};
}

}  // namespace rushlight::archive::unpack
