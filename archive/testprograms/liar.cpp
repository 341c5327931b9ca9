// A child that breaks the contract of archive/protocol.h, or abuses it, in the way that the content's bytes
// ask for. What the parent makes of it: archive/liar_test.cpp.
#include "archive/protocol.h"
#include "sandbox/child/child.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace rushlight;
using namespace rushlight::archive;

constexpr std::string_view kHello = "hello";

class Liar {
  public:
    Liar(sandbox::Message& request, sandbox::child::Channel& channel)
        : channel_(channel), spare_(std::move(request.fds.at(1))) {
        char text[64] = {};
        if (::pread(request.fds.at(0).get(), text, sizeof text - 1, 0) <= 0) std::abort();
        lie_ = text;
    }

    void tell() {
        if (lie_ == "dies") std::abort();
        if (lie_ == "hangs") ::poll(nullptr, 0, -1);
        if (lie_ == "says another kind") return channel_.send(kClosed, {});
        if (lie_ == "sends rubbish") return channel_.send(kBatch, bytes_of("rubbish"));
        if (lie_ == "sends a descriptor") return send_a_descriptor();
        if (lie_ == "stands still") return repeat([] {}, 0);
        if (lie_ == "works for ever") return repeat([] {}, kLeastProgress);
        if (lie_ == "uses up spares for nothing") return repeat([this] { spare_used_ = true; }, 1);
        if (lie_ == "goes back") return go_back();
        if (lie_ == "gives members for ever") return repeat([this] { add_hello(); }, 1);
        if (lie_ == "gives bytes for ever") return repeat([this] { add_spare(1 << 20, 1 << 20); }, 1);
        if (lie_ == "fails with control characters") return fail_oddly();
        if (lie_ == "writes after it gave") return write_afterwards();
        if (lie_ == "never closes") return never_close();
        if (lie_ == "claims a longer member") add_spare(10, 11);
        if (lie_ == "claims a shorter member") add_spare(10, 9);
        if (lie_ == "gives more than a member may have") add_spare(3 << 20, 3 << 20);
        if (lie_ == "keeps the member mapped") {
            add_spare(10, 10);
            if (::mmap(nullptr, 10, PROT_READ | PROT_WRITE, MAP_SHARED, spare_.get(), 0) == MAP_FAILED)
                std::abort();
        }
        if (lie_ == "is honest") add_hello();
        send(Next::end);
    }

  private:
    void add_hello() { batch_.add("hello", {}, {}, Place::in_message, kHello.size(), bytes_of(kHello)); }
    void add_spare(std::uint64_t size, std::uint64_t claimed) {
        if (::ftruncate(spare_.get(), static_cast<off_t>(size)) != 0) std::abort();
        batch_.add("large", {}, {}, Place::in_spare, claimed, {});
        spare_used_ = true;
    }
    void send(Next next, const std::optional<Problem>& problem = std::nullopt) {
        channel_.send(kBatch, batch_.take(next, problem, spare_used_, progress_));
        spare_used_ = false;
    }
    // False where the parent has enough.
    bool await_request() {
        auto request = channel_.receive();
        if (request.kind == kClose) channel_.send(kClosed, {});
        if (request.kind != kNext) return false;
        if (!request.fds.empty()) spare_ = std::move(request.fds.front());
        return true;
    }

    template <class Add>
    void repeat(Add add, std::uint64_t progress) {
        do {
            progress_ += progress;
            add();
            send(Next::more);
        } while (await_request());
    }
    void send_a_descriptor() {
        add_hello();
        const int fd = spare_.get();
        channel_.send(kBatch, batch_.take(Next::end, {}, false, 0), std::span(&fd, 1));
    }
    void go_back() {
        progress_ = 1000;
        add_hello();
        send(Next::more);
        if (!await_request()) return;
        progress_ = 999;
        add_hello();
        send(Next::end);
    }
    void fail_oddly() {
        const Problem odd{Reason::corrupt, "\x1b[2J\r\nwiped"};
        batch_.add("odd", {}, odd, Place::nowhere, 0, {});
        send(Next::failed, odd);
    }
    // Keeps the file that it gave, and says what came of writing into it.
    void write_afterwards() {
        add_spare(10, 10);
        const Fd kept(::dup(spare_.get()));
        send(Next::more);
        if (!await_request()) return;
        const bool written = ::pwrite(kept.get(), "x", 1, 0) == 1;
        const std::string_view said = written ? "written" : errno == EPERM ? "refused" : "failed otherwise";
        batch_.add(said, {}, {}, Place::in_message, 0, {});
        send(Next::end);
    }
    void never_close() {
        add_hello();
        send(Next::more);
        channel_.receive();
        send(Next::more);
    }

    sandbox::child::Channel& channel_;
    Fd spare_;
    std::string lie_;
    BatchWriter batch_;
    bool spare_used_ = false;
    std::uint64_t progress_ = 0;
};

void open(sandbox::Message request, sandbox::child::Channel& channel) { Liar(request, channel).tell(); }

}  // namespace

int main() { return sandbox::child::run({{kOpen, open}}); }
