#include "net/gunzip.h"

#include "net/failure.h"

#include <zlib.h>

namespace rushlight::net {
namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr std::uint64_t kAlwaysFine = 1 << 20;  // small things may well be all zeros

}  // namespace

Gunzip::Gunzip(std::uint64_t most_ratio)
    : stream_(std::make_unique<z_stream_s>()), buffer_(kPiece), most_ratio_(most_ratio) {}

Gunzip::~Gunzip() {
    if (begun_) ::inflateEnd(stream_.get());
}

void Gunzip::set_input(Bytes packed) {
    stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream_->avail_in = static_cast<uInt>(packed.size());
    in_ += packed.size();
}

Outcome<Bytes> Gunzip::next() {
    if (!begun_) {
        if (stream_->avail_in == 0) return Bytes{};
        if (::inflateInit2(stream_.get(), 16 + MAX_WBITS) != Z_OK) {  // 16: gzip only
            return refuse(FailureCode::unavailable, "no memory to unpack the response");
        }
        begun_ = true;
        complete_ = false;
    }
    for (;;) {
        if (complete_) {  // another member may follow
            if (stream_->avail_in == 0) return Bytes{};
            ::inflateReset(stream_.get());
            complete_ = false;
        }
        stream_->next_out = reinterpret_cast<Bytef*>(buffer_.data());
        stream_->avail_out = static_cast<uInt>(buffer_.size());
        const int result = ::inflate(stream_.get(), Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return refuse(FailureCode::bad_response, "the response is broken gzip");
        }
        complete_ = result == Z_STREAM_END;
        const std::size_t size = buffer_.size() - stream_->avail_out;
        out_ += size;
        if (out_ > kAlwaysFine && out_ / most_ratio_ > in_) {
            return refuse(
                FailureCode::too_compressed,
                "the response unpacks to more than " + std::to_string(most_ratio_) + " times what was sent");
        }
        if (size > 0) return Bytes(buffer_).first(size);
        if (!complete_) return Bytes{};  // needs more input
    }
}

}  // namespace rushlight::net
