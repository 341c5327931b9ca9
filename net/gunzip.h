// Gunzip: a gzip body unpacked as it comes (RFC 1952), with an eye on how much comes out of how little.
#pragma once

#include "net/net.h"

#include <memory>

struct z_stream_s;

namespace rushlight::net {

class Gunzip {
  public:
    explicit Gunzip(std::uint64_t most_ratio);
    ~Gunzip();
    Gunzip(const Gunzip&) = delete;
    Gunzip& operator=(const Gunzip&) = delete;

    // Hands what comes out to `use`, Outcome<void>(Bytes), in pieces; its failure ends it.
    template <class F>
    Outcome<void> unpack(Bytes packed, F&& use) {
        set_input(packed);
        for (;;) {
            const Outcome<Bytes> piece = next();
            if (!piece) return tl::unexpected<Failure>(piece.error());
            if (piece->empty()) return {};
            if (Outcome<void> used = use(*piece); !used) return used;
        }
    }
    // Whether the last member came to its end.
    bool complete() const { return complete_; }

  private:
    void set_input(Bytes packed);
    Outcome<Bytes> next();  // empty: more input is needed

    std::unique_ptr<z_stream_s> stream_;
    ByteVector buffer_;
    std::uint64_t most_ratio_;
    std::uint64_t in_ = 0, out_ = 0;
    bool begun_ = false, complete_ = true;  // of nothing comes nothing
};

}  // namespace rushlight::net
