#include "media/exact.h"

#include <memory>
#include <vector>

#include <openssl/evp.h>

namespace rushlight::media {
namespace {

using Now = std::chrono::steady_clock;

// Small enough to lie in the second-level cache while three hashes go over it, large enough that the calls do
// not count.
constexpr std::size_t kChunk = std::size_t{64} << 10;

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeDigest {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
};

// Looked up once: OpenSSL's look-up takes a lock and longer than hashing a small file.
struct Digests {
    std::unique_ptr<EVP_MD, FreeDigest> md5{EVP_MD_fetch(nullptr, "MD5", nullptr)};
    std::unique_ptr<EVP_MD, FreeDigest> sha1{EVP_MD_fetch(nullptr, "SHA1", nullptr)};
    std::unique_ptr<EVP_MD, FreeDigest> sha256{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
};

template <class Hash>
class Hasher {
  public:
    explicit Hasher(const EVP_MD* digest) : context_(EVP_MD_CTX_new()) {
        ok_ = context_ && digest != nullptr && EVP_DigestInit_ex2(context_.get(), digest, nullptr) == 1;
    }
    void add(Bytes bytes) { ok_ = ok_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1; }
    bool finish(Hash& hash) {
        unsigned length = 0;
        return ok_ &&
               EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(hash.value.data()),
                                  &length) == 1 &&
               length == Hash::kBytes;
    }

  private:
    std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
    bool ok_ = false;
};

}  // namespace

Result<ExactRead> read_exact(const Content& content, Stages& stages, const std::stop_token& stop) {
    static const Digests digests;
    Hasher<Md5> md5(digests.md5.get());
    Hasher<Sha1> sha1(digests.sha1.get());
    Hasher<Sha256> sha256(digests.sha256.get());
    const auto chunk = std::make_unique_for_overwrite<std::byte[]>(kChunk);
    ExactRead read;
    while (true) {
        const auto start = Now::now();
        const auto got = content.read_at(read.bytes, std::span(chunk.get(), kChunk));
        const auto middle = Now::now();
        stages.read += middle - start;
        if (!got) return pass(got.error());
        if (*got == 0) break;
        const Bytes bytes(chunk.get(), *got);
        md5.add(bytes);
        sha1.add(bytes);
        sha256.add(bytes);
        stages.exact += Now::now() - middle;
        read.bytes += *got;
        if (*got < kChunk) break;
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped while it was being read");
        if (read.bytes > content.size() && read.bytes - content.size() > kMostPastItsSize) {
            return fail(ErrorCode::limit,
                        "it gives far more bytes than its size says: no file on a disk, or one "
                        "that grows as fast as it is read");
        }
    }
    if (!md5.finish(read.hashes.md5) || !sha1.finish(read.hashes.sha1) ||
        !sha256.finish(read.hashes.sha256)) {
        return fail(ErrorCode::unavailable,
                    "OpenSSL computes no MD5, SHA-1 or SHA-256 here (a policy may forbid it)");
    }
    return read;
}

}  // namespace rushlight::media
