// The half of a connection that writes: answers, sources, events.
#include "http/connection.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>

namespace rushlight::http {
namespace {

constexpr std::size_t kCopied = 32 * 1024;  // shorter bodies are copied behind their head
constexpr std::size_t kSourceRead = 64 * 1024;

void append_chunk_head(std::string& out, std::size_t size) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16);
    out.append(digits.data(), end.ptr);
    out += "\r\n";
}

// The first `sent` bytes of both.
void drop(std::size_t sent, std::string_view& first, std::string_view& second) {
    const std::size_t of_first = std::min(sent, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(sent - of_first);
    if (first.empty()) first = std::exchange(second, {});
}

Result<std::size_t> read_source(BodySource& source, std::string& buffer) {
    try {
        return source.read(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    } catch (const std::exception& bug) {
        return fail(ErrorCode::io, bug.what());
    }
}

}  // namespace

// As much as the kernel takes at once.
std::size_t Connection::write_now(std::string_view first, std::string_view second) {
    Code code;
    std::size_t sent = 0;
    if (second.empty()) {
        sent = socket_->write_some(asio::buffer(first.data(), first.size()), code);
    } else {
        const std::array<asio::const_buffer, 2> both{asio::buffer(first.data(), first.size()),
                                                     asio::buffer(second.data(), second.size())};
        sent = socket_->write_some(both, code);
    }
    sent_ += sent;
    count(core_->bytes_out, sent);
    return sent;
}

Awaitable<bool> Connection::write(std::string_view first, std::string_view second) {
    const auto began = Steady::now();
    const std::uint64_t sent_before = sent_;
    for (;;) {
        if (cut_) co_return false;
        std::size_t sent = write_now(first, second);
        if (sent == 0) {
            set_phase(Phase::writing, paced_deadline(began, sent_ - sent_before));
            Code code;
            co_await socket_->async_wait(Socket::wait_write, asio::redirect_error(UseAwaitable(), code));
            if (code || cut_) co_return false;
            sent = write_now(first, second);
            if (sent == 0) co_return false;
        }
        drop(sent, first, second);
        if (first.empty()) break;
    }
    set_phase(Phase::waiting, Steady::time_point::max());
    co_return true;
}

// False: this was the connection's last answer.
Awaitable<bool> Connection::write_answer() {
    Response response = std::move(*response_);
    response_.reset();
    if (!headers_are_sound(response)) {
        count(core_->failed);
        response = core_->make_problem(500, "something went wrong here");
    }
    const std::string_view id(id_.data(), id_.size());
    if (response.status >= 400) set_instance(response, id);
    const bool to_head = request_.head.method == Method::head;
    const bool has_no_body = response.status == 204 || response.status == 304;
    if (!body_read_ || winding_down_ || core_->stopping.load(std::memory_order_relaxed)) keep_ = false;
    Framing framing = Framing::length;
    if (has_no_body || (to_head && response.source))
        framing = Framing::none;
    else if (response.source)
        framing = request_.head.minor_version >= 1 ? Framing::chunked : Framing::until_close;
    if (framing == Framing::until_close) keep_ = false;

    const std::string& body = response.shared ? *response.shared : response.body;
    out_.clear();
    write_head(out_, response,
               {.date = loop_.date(),
                .id = id,
                .framing = framing,
                .length = body.size(),
                .minor_version = request_.head.minor_version,
                .keep = keep_});
    count(core_->answers[static_cast<std::size_t>(response.status / 100)]);
    std::string_view second;
    if (!to_head && !has_no_body && !response.source) {
        if (body.size() <= kCopied)
            out_ += body;
        else
            second = body;
    }
    std::string_view first = out_;
    drop(write_now(first, second), first, second);  // most answers leave in one call
    bool whole = first.empty();
    if (!whole) whole = co_await write(first, second);
    if (whole && response.source && framing != Framing::none)
        whole = co_await write_source(response.source, framing);
    if (!whole) {
        count(core_->cut);
        if (!cut_ && !client_left_) at_once_ = true;  // nobody to say goodbye to
    }
    if (core_->options.observe) {
        core_->options.observe(
            {.head = head_known_ ? &request_.head : nullptr,
             .id = id,
             .note = response.note,
             .tag = tag_,
             .status = response.status,
             .body_bytes_in = body_.bytes(),
             .bytes_out = sent_,
             .took = std::chrono::duration_cast<std::chrono::microseconds>(
                 began_ == Steady::time_point{} ? Steady::duration{} : Steady::now() - began_),
             .whole = whole});
    }
    co_return whole&& keep_;
}

Awaitable<bool> Connection::write_source(std::shared_ptr<BodySource> source, Framing framing) {
    const auto buffer = std::make_shared<std::string>(kSourceRead, '\0');
    for (;;) {
        source_read_.reset();
        const bool queued = core_->workers.go_on([self = shared_from_this(), source, buffer] {
            auto got = read_source(*source, *buffer);
            self->post([self, got = std::move(got)]() mutable {
                self->source_read_ = std::move(got);
                self->wake();
            });
        });
        if (!queued) co_return false;
        while (!source_read_ && !cut_) co_await sleep();
        if (cut_) co_return false;
        if (!*source_read_ || **source_read_ > buffer->size()) {
            cut();  // the only way left to say that it is not whole
            co_return false;
        }
        const std::size_t size = **source_read_;
        if (framing == Framing::until_close) {
            if (size == 0) co_return true;
            if (!co_await write(std::string_view(buffer->data(), size))) co_return false;
            continue;
        }
        out_.clear();
        append_chunk_head(out_, size);
        if (size == 0) {
            out_ += "\r\n";
            const bool whole = co_await write(out_);
            co_return whole;
        }
        out_.append(buffer->data(), size);
        out_ += "\r\n";
        if (!co_await write(out_)) co_return false;
    }
}

Awaitable<void> Connection::write_events() {
    const auto events = events_;
    const bool chunked = request_.head.minor_version >= 1;
    Response response = Response::empty(200)
                            .with("Content-Type", "text/event-stream")
                            .with("Cache-Control", "no-store")
                            .with("X-Accel-Buffering", "no");  // a proxy shall not collect them
    for (const auto& header : events->options().headers) response.headers.push_back(header);
    if (!headers_are_sound(response)) {
        count(core_->failed);
        response_ = core_->make_problem(500, "something went wrong here");
        co_await write_answer();
        co_return;
    }
    count(core_->event_streams);
    count(core_->answers[2]);
    keep_ = false;
    std::string text = "retry: " + std::to_string(events->options().retry.count()) + "\n\n";
    out_.clear();
    write_head(out_, response,
               {.date = loop_.date(),
                .id = {id_.data(), id_.size()},
                .framing = chunked ? Framing::chunked : Framing::until_close,
                .length = 0,
                .minor_version = request_.head.minor_version,
                .keep = false});
    bool going = request_.head.method != Method::head;
    if (!going)
        co_await write(out_);
    else
        watch_for_leaving();
    while (going && !cut_) {
        const auto state = events->take(text);
        const auto now = Steady::now();
        if (text.empty() && now >= heartbeat_due_) text = ":\n\n";
        if (!text.empty()) {
            if (chunked) append_chunk_head(out_, text.size());
            out_ += text;
            if (chunked) out_ += "\r\n";
            text.clear();
            heartbeat_due_ = Steady::time_point::max();
            going = co_await write(out_);
            heartbeat_due_ = Steady::now() + events->options().heartbeat;
            out_.clear();
            if (out_.capacity() > events->options().queue_bytes) out_.shrink_to_fit();
        } else if (state == EventQueue::State::closing) {
            if (chunked) co_await write("0\r\n\r\n");
            going = false;
        } else if (state == EventQueue::State::cut || client_left_) {
            cut();
        } else if (winding_down_) {
            events->close();
        } else {
            set_phase(Phase::events, Steady::time_point::max());
            co_await sleep();
        }
    }
    heartbeat_due_ = Steady::time_point::max();
    core_->event_streams.fetch_sub(1);
    if (events->overflowed()) count(core_->cut);
    events->end();
}

// A client that listens to events sends nothing; when it leaves there is something to read: the end.
void Connection::watch_for_leaving() {
    socket_->async_wait(Socket::wait_read, [self = shared_from_this()](Code code) {
        if (code || !self->socket_ || self->cut_ || self->phase_ == Phase::leaving) return;
        std::array<char, 4096> ignored;
        const std::size_t got = self->socket_->read_some(asio::buffer(ignored), code);
        if (got > 0 || code == asio::error::would_block) {
            self->watch_for_leaving();
        } else {
            self->client_left_ = true;
            self->wake();
        }
    });
}

}  // namespace rushlight::http
