#include "archive/unpack/coding.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <string>

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

namespace rushlight::archive::unpack {
namespace {

constexpr std::size_t kOutput = 64 * 1024;
constexpr std::size_t kFileOutput = 256 * 1024;
constexpr std::size_t kProbe = 512;
constexpr int kMaxZstdWindowLog = 27;  // 128 MiB, what the command line tool takes without being asked

unsigned at(Bytes bytes, std::size_t i) { return std::to_integer<unsigned>(bytes[i]); }

bool is_gzip(Bytes b) { return b.size() >= 3 && at(b, 0) == 0x1f && at(b, 1) == 0x8b && at(b, 2) == 8; }

bool is_zlib(Bytes b) {
    return b.size() >= 2 && (at(b, 0) & 15) == 8 && (at(b, 0) >> 4) <= 7 &&
           ((at(b, 0) << 8) | at(b, 1)) % 31 == 0;
}

bool is_zstd(Bytes b) {
    return b.size() >= 4 && at(b, 0) == 0x28 && at(b, 1) == 0xb5 && at(b, 2) == 0x2f && at(b, 3) == 0xfd;
}

Problem ended_early() { return {Reason::truncated, "the compressed data end too early"}; }
Problem broken(const char* what) { return {Reason::corrupt, std::string("broken ") + what + " data"}; }

// What all decompressors share: the bounds, and handing on the end of what they read.
class Decoder : public BufferedStream {
  public:
    Decoder(Stream& from, Meter& meter, std::uint64_t most, std::size_t capacity)
        : BufferedStream(capacity), from_(from), meter_(meter), most_(most) {}

  protected:
    std::size_t read(std::span<std::byte> out) final {
        if (meter_.stop()) {
            fail(*meter_.stop());
            return 0;
        }
        const std::size_t n = decode(out);
        if (n > most_) {
            fail({Reason::bomb, "unpacks to far more than its own size"});
            return 0;
        }
        most_ -= n;
        meter_.worked(n);
        return n;
    }
    virtual std::size_t decode(std::span<std::byte> out) = 0;
    // The input is at its end in the middle of something.
    std::size_t starve() {
        fail(from_.problem() ? *from_.problem() : ended_early());
        return 0;
    }

    Stream& from_;
    Meter& meter_;

  private:
    std::uint64_t most_;
};

enum class Frame { gzip, zlib, raw };

class Inflater : public Decoder {
  public:
    Inflater(Frame frame, Stream& from, Meter& meter, std::uint64_t most, std::size_t capacity)
        : Decoder(from, meter, most, capacity), frame_(frame) {
        const int bits = frame == Frame::gzip ? 15 + 16 : frame == Frame::zlib ? 15 : -15;
        if (::inflateInit2(&z_, bits) != Z_OK) throw std::bad_alloc();
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() override { ::inflateEnd(&z_); }

  protected:
    std::size_t decode(std::span<std::byte> out) override {
        z_.next_out = reinterpret_cast<Bytef*>(out.data());
        z_.avail_out = static_cast<uInt>(out.size());
        const auto made = [&] { return out.size() - z_.avail_out; };
        while (made() == 0) {
            if (between_ && !next_frame()) return 0;
            const Bytes in = from_.peek(1);
            if (in.empty()) return starve();
            z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
            z_.avail_in = static_cast<uInt>(in.size());
            const int code = ::inflate(&z_, Z_NO_FLUSH);
            frame_empty_ = frame_empty_ && made() == 0;
            from_.consume(in.size() - z_.avail_in);
            if (code == Z_STREAM_END) {
                between_ = true;
                ::inflateReset(&z_);
            } else if (code == Z_MEM_ERROR) {
                throw std::bad_alloc();
            } else if (code != Z_OK && code != Z_BUF_ERROR) {
                failed_ = broken(frame_ == Frame::gzip ? "gzip" : "deflate");
                if (made() == 0) fail(*failed_);
                between_ = true;  // comes back here: fails, after what was made has been read
                break;
            }
        }
        return made();
    }
    virtual void frame_starts() {}
    bool frame_empty() const { return frame_empty_; }
    void restart() {
        clear();
        failed_.reset();
        between_ = true;
        any_ = false;
        ::inflateReset(&z_);
    }

  private:
    // True where another frame follows. Zero bytes behind the last one are padding.
    bool next_frame() {
        if (failed_) {
            fail(*failed_);
            return false;
        }
        if (!any_ || frame_ == Frame::gzip) {
            Bytes in = from_.peek(3);
            while (any_ && !in.empty() && in[0] == std::byte{0}) {
                const auto rest =
                    std::find_if(in.begin(), in.end(), [](std::byte b) { return b != std::byte{0}; });
                from_.consume(static_cast<std::size_t>(rest - in.begin()));
                in = from_.peek(3);
            }
            if (in.empty()) {
                if (from_.problem()) fail(*from_.problem());
                return false;
            }
            frame_empty_ = true;
            if (frame_ == Frame::gzip && !is_gzip(in)) {
                fail(in.size() < 3 ? ended_early()
                                   : Problem{Reason::corrupt, "no gzip data where they should be"});
                return false;
            }
            frame_starts();
            any_ = true;
            between_ = false;
            return true;
        }
        return false;
    }

    z_stream z_{};
    Frame frame_;
    bool between_ = true;
    bool any_ = false;
    bool frame_empty_ = true;  // nothing came out of it yet
    std::optional<Problem> failed_;
};

class Unbrotli final : public Decoder {
  public:
    Unbrotli(Stream& from, Meter& meter, std::uint64_t most)
        : Decoder(from, meter, most, kOutput),
          state_(::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
        if (!state_) throw std::bad_alloc();
    }

  protected:
    std::size_t decode(std::span<std::byte> out) override {
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
        std::size_t room = out.size();
        while (room == out.size() && !done_) {
            const Bytes in = from_.peek(1);
            const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
            std::size_t left = in.size();
            const auto code =
                ::BrotliDecoderDecompressStream(state_.get(), &left, &next_in, &room, &next_out, nullptr);
            from_.consume(in.size() - left);
            if (code == BROTLI_DECODER_RESULT_SUCCESS) done_ = true;
            if (code == BROTLI_DECODER_RESULT_ERROR) {
                fail(broken("brotli"));
                done_ = true;
            }
            if (code == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT && in.empty()) return starve();
        }
        return out.size() - room;
    }

  private:
    struct Free {
        void operator()(BrotliDecoderState* state) const { ::BrotliDecoderDestroyInstance(state); }
    };
    std::unique_ptr<BrotliDecoderState, Free> state_;
    bool done_ = false;
};

class Unzstd final : public Decoder {
  public:
    Unzstd(Stream& from, Meter& meter, std::uint64_t most)
        : Decoder(from, meter, most, kOutput), state_(::ZSTD_createDStream()) {
        if (!state_) throw std::bad_alloc();
        ::ZSTD_DCtx_setParameter(state_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
    }

  protected:
    std::size_t decode(std::span<std::byte> out) override {
        ZSTD_outBuffer output{out.data(), out.size(), 0};
        while (output.pos == 0 && !failed_) {
            const Bytes in = from_.peek(1);
            if (in.empty()) {
                if (hint_ == 0) return 0;
                return starve();
            }
            ZSTD_inBuffer input{in.data(), in.size(), 0};
            hint_ = ::ZSTD_decompressStream(state_.get(), &output, &input);
            from_.consume(input.pos);
            if (::ZSTD_isError(hint_) != 0) {
                fail(broken("zstd"));
                failed_ = true;
            }
        }
        return output.pos;
    }

  private:
    struct Free {
        void operator()(ZSTD_DStream* state) const { ::ZSTD_freeDStream(state); }
    };
    std::unique_ptr<ZSTD_DStream, Free> state_;
    std::size_t hint_ = 1;
    bool failed_ = false;
};

class Same final : public Stream {
  public:
    explicit Same(Stream& from) : from_(from) {}
    Bytes peek(std::size_t want) override { return from_.peek(want); }
    void consume(std::size_t n) override { from_.consume(n); }
    const std::optional<Problem>& problem() const override { return from_.problem(); }

  private:
    Stream& from_;
};

// The first bytes that come out of the first bytes that go in.
class Probe {
  public:
    explicit Probe(Frame frame) {
        if (::inflateInit2(&z_, frame == Frame::gzip ? 15 + 16 : -15) != Z_OK) throw std::bad_alloc();
    }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    ~Probe() { ::inflateEnd(&z_); }

    std::string text(Bytes start, std::size_t n) {
        std::string out(n, '\0');
        ::inflateReset(&z_);
        z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(start.data()));
        z_.avail_in = static_cast<uInt>(start.size());
        z_.next_out = reinterpret_cast<Bytef*>(out.data());
        z_.avail_out = static_cast<uInt>(n);
        code_ = ::inflate(&z_, Z_SYNC_FLUSH);
        out.resize(n - z_.avail_out);
        return out;
    }
    bool broken() const { return code_ != Z_OK && code_ != Z_STREAM_END && code_ != Z_BUF_ERROR; }

  private:
    z_stream z_{};
    int code_ = Z_OK;
};

// Raw deflate has no magic either.
bool looks_like_deflate(Bytes start) {
    Probe probe(Frame::raw);
    return !probe.text(start, 4096).empty() || !probe.broken();
}

// Brotli has no magic: what fails within the first bytes without having made any was never brotli.
bool looks_like_brotli(Bytes start) {
    std::unique_ptr<BrotliDecoderState, decltype(&::BrotliDecoderDestroyInstance)> state(
        ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), &::BrotliDecoderDestroyInstance);
    if (!state) throw std::bad_alloc();
    std::array<std::uint8_t, 4096> scratch{};
    auto* next_out = scratch.data();
    std::size_t room = scratch.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(start.data());
    std::size_t left = start.size();
    return ::BrotliDecoderDecompressStream(state.get(), &left, &next_in, &room, &next_out, nullptr) !=
               BROTLI_DECODER_RESULT_ERROR ||
           room != scratch.size();
}

class GzipFileReader final : public GzipFile {
  public:
    GzipFileReader(FileStream& file, Meter& meter)
        : inflater_(file, meter, *this), file_(file), meter_(meter) {}
    Bytes peek(std::size_t want) override { return inflater_.peek(want); }
    void consume(std::size_t n) override { inflater_.consume(n); }
    const std::optional<Problem>& problem() const override { return inflater_.problem(); }
    bool resume(std::string_view magic) override;
    bool failed_at_start() const override { return problem() && inflater_.frame_empty(); }

  private:
    class Impl final : public Inflater {
      public:
        Impl(FileStream& file, Meter& meter, GzipFileReader& owner)
            : Inflater(Frame::gzip, file, meter, kUnlimited, kFileOutput), owner_(owner) {}
        using Inflater::frame_empty;
        using Inflater::restart;

      protected:
        void frame_starts() override { owner_.start_ = owner_.file_.offset(); }

      private:
        GzipFileReader& owner_;
    };

    Impl inflater_;
    FileStream& file_;
    Meter& meter_;
    std::uint64_t start_ = 0;
};

bool GzipFileReader::resume(std::string_view magic) {
    file_.seek(start_ + 1);
    Probe probe(Frame::gzip);
    while (!meter_.stop()) {
        const Bytes view = file_.peek(kProbe);
        if (view.size() < 4) return false;
        const void* hit = std::memchr(view.data(), 0x1f, view.size() - 3);
        if (hit == nullptr) {
            file_.consume(view.size() - 3);
            continue;
        }
        const auto skipped = static_cast<std::size_t>(static_cast<const std::byte*>(hit) - view.data());
        file_.consume(skipped);
        Bytes head = file_.peek(kProbe);
        head = head.first(std::min(head.size(), kProbe));
        if (is_gzip(head) && (at(head, 3) & 0xe0) == 0 && probe.text(head, magic.size()) == magic) {
            inflater_.restart();
            return true;
        }
        file_.consume(1);
    }
    return false;
}

}  // namespace

std::unique_ptr<Stream> undo_coding(Coding coding, Stream& from, Meter& meter, std::uint64_t most) {
    Bytes start = from.peek(kProbe);
    start = start.first(std::min(start.size(), kProbe));
    const auto inflate = [&](Frame frame) {
        return std::make_unique<Inflater>(frame, from, meter, most, kOutput);
    };
    switch (coding) {
        case Coding::gzip:
            if (is_gzip(start)) return inflate(Frame::gzip);
            break;
        case Coding::deflate:
            if (is_zlib(start)) return inflate(Frame::zlib);
            if (looks_like_deflate(start)) return inflate(Frame::raw);
            break;
        case Coding::brotli:
            if (looks_like_brotli(start)) return std::make_unique<Unbrotli>(from, meter, most);
            break;
        case Coding::zstd:
            if (is_zstd(start)) return std::make_unique<Unzstd>(from, meter, most);
            break;
    }
    return std::make_unique<Same>(from);
}

std::unique_ptr<GzipFile> GzipFile::create(FileStream& file, Meter& meter) {
    return std::make_unique<GzipFileReader>(file, meter);
}

}  // namespace rushlight::archive::unpack
