#include "vault/sealed_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sodium.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

// header = magic key_id:8 purpose_bytes:u8 purpose stream_header:24
constexpr std::string_view kMagic = "RLSEAL01";
constexpr std::size_t kStreamHeader = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t kAround = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr unsigned char kMore = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
constexpr unsigned char kLast = crypto_secretstream_xchacha20poly1305_TAG_FINAL;

using Stream = crypto_secretstream_xchacha20poly1305_state;

const unsigned char* in_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string header_of(const Key& key, std::string_view purpose) {
    std::string header(kMagic);
    header += text_of(key.id().value);
    header += static_cast<char>(purpose.size());
    header += purpose;
    return header;
}

tl::unexpected<Error> damaged(const char* what) {
    return fail(ErrorCode::corrupt, std::string("a sealed file is damaged: ") + what);
}

// Fills `out` as far as the file goes; returns how much.
Result<std::size_t> read_full(int fd, std::span<unsigned char> out) {
    std::size_t size = 0;
    while (size < out.size()) {
        const ssize_t got = ::read(fd, out.data() + size, out.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read a sealed file");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return size;
}

}  // namespace

struct SealedWriter::State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    int fd = -1;
    Stream stream{};
    std::string header;
    std::size_t filled = 0;
    bool finished = false;
    std::array<unsigned char, kChunk> plain{};  // what is not sealed yet
    std::array<unsigned char, kChunk + kAround> sealed{};

    ~State() {
        ::sodium_memzero(&stream, sizeof stream);
        ::sodium_memzero(plain.data(), plain.size());
    }
};

SealedWriter::SealedWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
SealedWriter::SealedWriter(SealedWriter&&) noexcept = default;
SealedWriter& SealedWriter::operator=(SealedWriter&&) noexcept = default;
SealedWriter::~SealedWriter() = default;

Result<SealedWriter> SealedWriter::begin(int fd, const Key& key, std::string_view purpose) {
    if (purpose.empty() || purpose.size() > kMostPurpose)
        return fail(ErrorCode::invalid, "a sealed file's purpose has 1 to 100 bytes");
    auto state = std::make_unique<State>();
    state->fd = fd;
    state->header = header_of(key, purpose);
    std::array<unsigned char, kStreamHeader> stream_header{};
    ::crypto_secretstream_xchacha20poly1305_init_push(&state->stream, stream_header.data(), key.data());
    state->header.append(reinterpret_cast<const char*>(stream_header.data()), stream_header.size());
    if (auto written = write_all(fd, bytes_of(state->header), "a sealed file"); !written)
        return pass(written.error());
    return SealedWriter(std::move(state));
}

Status SealedWriter::seal_chunk(Bytes chunk, bool last) {
    unsigned long long size = 0;
    ::crypto_secretstream_xchacha20poly1305_push(
        &state_->stream, state_->sealed.data(), &size, reinterpret_cast<const unsigned char*>(chunk.data()),
        chunk.size(), in_of(state_->header), state_->header.size(), last ? kLast : kMore);
    return write_all(state_->fd,
                     std::as_bytes(std::span(state_->sealed).first(static_cast<std::size_t>(size))),
                     "a sealed file");
}

Status SealedWriter::write(Bytes bytes) {
    while (!bytes.empty()) {
        // A full chunk waits until something follows: the last one carries another mark.
        if (state_->filled == kChunk) {
            if (auto sealed = seal_chunk(std::as_bytes(std::span(state_->plain)), false); !sealed)
                return sealed;
            state_->filled = 0;
        }
        const std::size_t size = std::min(bytes.size(), kChunk - state_->filled);
        std::memcpy(state_->plain.data() + state_->filled, bytes.data(), size);
        state_->filled += size;
        bytes = bytes.subspan(size);
    }
    return {};
}

Status SealedWriter::finish() {
    if (state_->finished) return {};
    state_->finished = true;
    return seal_chunk(std::as_bytes(std::span(state_->plain).first(state_->filled)), true);
}

struct SealedReader::State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    int fd = -1;
    Stream stream{};
    std::string header;
    bool ended = false;
    std::array<unsigned char, kChunk + kAround> sealed{};
    std::array<unsigned char, kChunk> plain{};

    ~State() {
        ::sodium_memzero(&stream, sizeof stream);
        ::sodium_memzero(plain.data(), plain.size());
    }
};

SealedReader::SealedReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
SealedReader::SealedReader(SealedReader&&) noexcept = default;
SealedReader& SealedReader::operator=(SealedReader&&) noexcept = default;
SealedReader::~SealedReader() = default;

Result<SealedReader> SealedReader::begin(int fd, const Key& key, std::string_view purpose) {
    auto state = std::make_unique<State>();
    state->fd = fd;
    const std::string expected = header_of(key, purpose);
    std::string header(expected.size() + kStreamHeader, '\0');
    const auto got = read_full(fd, {reinterpret_cast<unsigned char*>(header.data()), header.size()});
    if (!got) return pass(got.error());
    const std::string_view begin(header);
    if (*got < header.size()) return damaged("it ends within its header");
    if (!begin.starts_with(kMagic)) return damaged("it does not begin as one");
    if (begin.substr(kMagic.size(), KeyId::kBytes) != text_of(key.id().value))
        return damaged("it names another key than the one that is kept for it");
    if (!begin.starts_with(expected)) return damaged("it was sealed for another purpose");
    if (::crypto_secretstream_xchacha20poly1305_init_pull(
            &state->stream, in_of(begin.substr(expected.size())), key.data()) != 0)
        return damaged("its stream's header is impossible");
    state->header = std::move(header);
    return SealedReader(std::move(state));
}

Result<Bytes> SealedReader::next() {
    if (state_->ended) return Bytes();
    const auto got = read_full(state_->fd, state_->sealed);
    if (!got) return pass(got.error());
    if (*got == 0) return damaged("its end is missing");
    unsigned long long size = 0;
    unsigned char tag = 0;
    if (*got < kAround || ::crypto_secretstream_xchacha20poly1305_pull(
                              &state_->stream, state_->plain.data(), &size, &tag, state_->sealed.data(), *got,
                              in_of(state_->header), state_->header.size()) != 0)
        return damaged("a part of it was changed or is missing");
    if (tag == kLast) {
        unsigned char more = 0;
        const auto behind = read_full(state_->fd, std::span(&more, 1));
        if (!behind) return pass(behind.error());
        if (*behind != 0) return damaged("something stands behind its end");
        state_->ended = true;
    } else if (tag != kMore || *got < state_->sealed.size()) {
        return damaged("its end is missing");
    }
    return std::as_bytes(std::span(state_->plain).first(static_cast<std::size_t>(size)));
}

}  // namespace rushlight::vault
