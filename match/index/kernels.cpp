#include "match/index/kernels.h"

#include <vector>

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header leaves "undefined" registers undefined by initialising them with themselves, and warns.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace rushlight::match::index {
namespace {

constexpr std::size_t kAhead = 12;  // hashes fetched ahead of their comparison

// The loops that differ only in the instruction behind popcount; forced inline into functions with a target.
#define RL_INLINE inline __attribute__((always_inline))

RL_INLINE std::size_t filter_loop(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                                  std::uint32_t mask, int limit, std::uint32_t* out) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t posting = postings[i];
        out[found] = posting & ~mask;
        found += __builtin_popcount((posting ^ query) & mask) <= limit ? 1 : 0;
    }
    return found;
}

RL_INLINE int distance_of(const IndexHash& a, const IndexHash& b) {
    return __builtin_popcountll(a.words[0] ^ b.words[0]) + __builtin_popcountll(a.words[1] ^ b.words[1]) +
           __builtin_popcountll(a.words[2] ^ b.words[2]) + __builtin_popcountll(a.words[3] ^ b.words[3]);
}

RL_INLINE std::size_t scan_loop(const IndexHash* hashes, std::size_t count, const IndexHash& query, int limit,
                                std::uint32_t* out) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (distance_of(hashes[i], query) <= limit) out[found++] = static_cast<std::uint32_t>(i);
    }
    return found;
}

RL_INLINE std::size_t verify_loop(const IndexHash* hashes, const std::uint32_t* positions, std::size_t count,
                                  const IndexHash& query, int limit, std::uint32_t* out) {
    for (std::size_t i = 0; i < kAhead && i < count; ++i) __builtin_prefetch(&hashes[positions[i]]);
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (i + kAhead < count) __builtin_prefetch(&hashes[positions[i + kAhead]]);
        const std::uint32_t position = positions[i];
        if (distance_of(hashes[position], query) <= limit) out[found++] = position;
    }
    return found;
}

std::size_t filter_plain(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                         std::uint32_t mask, int, int limit, std::uint32_t* out) {
    return filter_loop(postings, count, query, mask, limit, out);
}
std::size_t scan_plain(const IndexHash* hashes, std::size_t count, const IndexHash& query, int limit,
                       std::uint32_t* out) {
    return scan_loop(hashes, count, query, limit, out);
}
std::size_t verify_plain(const IndexHash* hashes, const std::uint32_t* positions, std::size_t count,
                         const IndexHash& query, int limit, std::uint32_t* out) {
    return verify_loop(hashes, positions, count, query, limit, out);
}
constexpr Kernels kPlain{"plain", filter_plain, scan_plain, verify_plain};

#if defined(__x86_64__)

#define RL_POPCNT __attribute__((target("popcnt")))
RL_POPCNT std::size_t filter_popcnt(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                                    std::uint32_t mask, int, int limit, std::uint32_t* out) {
    return filter_loop(postings, count, query, mask, limit, out);
}
RL_POPCNT std::size_t scan_popcnt(const IndexHash* hashes, std::size_t count, const IndexHash& query,
                                  int limit, std::uint32_t* out) {
    return scan_loop(hashes, count, query, limit, out);
}
RL_POPCNT std::size_t verify_popcnt(const IndexHash* hashes, const std::uint32_t* positions,
                                    std::size_t count, const IndexHash& query, int limit,
                                    std::uint32_t* out) {
    return verify_loop(hashes, positions, count, query, limit, out);
}
constexpr Kernels kPopcnt{"popcnt", filter_popcnt, scan_popcnt, verify_popcnt};

#define RL_AVX2 __attribute__((target("avx2,popcnt")))
// Set bits of each byte, by looking up its two nibbles (Mula).
RL_AVX2 RL_INLINE __m256i bits_of_bytes(__m256i bytes) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, nibble));
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
    return _mm256_add_epi8(low, high);
}

RL_AVX2 std::size_t filter_avx2(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                                std::uint32_t mask, int shift, int limit, std::uint32_t* out) {
    const __m256i wanted = _mm256_set1_epi32(static_cast<int>(query));
    const __m256i bound = _mm256_set1_epi32(limit);
    const __m128i by = _mm_cvtsi32_si128(shift);
    std::size_t found = 0;
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256i posting = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(postings + i));
        // At most 16 bits are left: two bytes to add up.
        const __m256i bytes = bits_of_bytes(_mm256_srl_epi32(_mm256_xor_si256(posting, wanted), by));
        const __m256i bits =
            _mm256_and_si256(_mm256_add_epi32(bytes, _mm256_srli_epi32(bytes, 8)), _mm256_set1_epi32(255));
        const auto far =
            static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(bits, bound))));
        for (unsigned near = ~far & 255U; near != 0; near &= near - 1) {
            out[found++] = postings[i + static_cast<std::size_t>(__builtin_ctz(near))] & ~mask;
        }
    }
    return found + filter_loop(postings + i, count - i, query, mask, limit, out + found);
}

RL_AVX2 std::size_t scan_avx2(const IndexHash* hashes, std::size_t count, const IndexHash& query, int limit,
                              std::uint32_t* out) {
    const __m256i wanted = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&query));
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const __m256i hash = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(hashes + i));
        const __m256i sums =
            _mm256_sad_epu8(bits_of_bytes(_mm256_xor_si256(hash, wanted)), _mm256_setzero_si256());
        const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        const int bits = _mm_cvtsi128_si32(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
        if (bits <= limit) out[found++] = static_cast<std::uint32_t>(i);
    }
    return found;
}
RL_AVX2 std::size_t verify_avx2(const IndexHash* hashes, const std::uint32_t* positions, std::size_t count,
                                const IndexHash& query, int limit, std::uint32_t* out) {
    return verify_loop(hashes, positions, count, query, limit, out);
}
constexpr Kernels kAvx2{"avx2", filter_avx2, scan_avx2, verify_avx2};

#define RL_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vpopcntdq,popcnt")))
RL_AVX512 std::size_t filter_avx512(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                                    std::uint32_t mask, int, int limit, std::uint32_t* out) {
    const __m512i wanted = _mm512_set1_epi32(static_cast<int>(query));
    const __m512i fingerprint = _mm512_set1_epi32(static_cast<int>(mask));
    const __m512i bound = _mm512_set1_epi32(limit);
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; i += 16) {
        const std::size_t left = count - i;
        const auto lanes = static_cast<__mmask16>(left >= 16 ? 0xFFFFU : (1U << left) - 1U);
        const __m512i posting = _mm512_maskz_loadu_epi32(lanes, postings + i);
        const __m512i bits =
            _mm512_popcnt_epi32(_mm512_and_si512(_mm512_xor_si512(posting, wanted), fingerprint));
        const __mmask16 near = _mm512_mask_cmple_epi32_mask(lanes, bits, bound);
        // Compress in the register and store all of it: the store that compresses is slow on Zen 4.
        _mm512_storeu_si512(out + found,
                            _mm512_maskz_compress_epi32(near, _mm512_andnot_si512(fingerprint, posting)));
        found += static_cast<std::size_t>(__builtin_popcount(near));
    }
    return found;
}

RL_AVX512 std::size_t scan_avx512(const IndexHash* hashes, std::size_t count, const IndexHash& query,
                                  int limit, std::uint32_t* out) {
    const __m512i wanted =
        _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(&query)));
    const __m512i bound = _mm512_set1_epi64(limit);
    std::size_t found = 0;
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const __m512i a = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(hashes + i), wanted));
        const __m512i b = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(hashes + i + 2), wanted));
        // Hashes 0 and 1 in a, 2 and 3 in b; after both additions the lanes hold 0 2 0 2 1 3 1 3.
        const __m512i pairs = _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        const __m512i sums = _mm512_add_epi64(pairs, _mm512_shuffle_i64x2(pairs, pairs, 0xB1));
        const unsigned near = _mm512_cmple_epi64_mask(sums, bound) & 0x33U;
        if (near == 0) continue;
        const auto base = static_cast<std::uint32_t>(i);
        if ((near & 0x01U) != 0) out[found++] = base;
        if ((near & 0x10U) != 0) out[found++] = base + 1;
        if ((near & 0x02U) != 0) out[found++] = base + 2;
        if ((near & 0x20U) != 0) out[found++] = base + 3;
    }
    for (; i < count; ++i) {
        if (distance_of(hashes[i], query) <= limit) out[found++] = static_cast<std::uint32_t>(i);
    }
    return found;
}
RL_AVX512 std::size_t verify_avx512(const IndexHash* hashes, const std::uint32_t* positions,
                                    std::size_t count, const IndexHash& query, int limit,
                                    std::uint32_t* out) {
    return verify_loop(hashes, positions, count, query, limit, out);
}
constexpr Kernels kAvx512{"avx512", filter_avx512, scan_avx512, verify_avx512};

#elif defined(__aarch64__)

std::size_t filter_neon(const std::uint32_t* postings, std::size_t count, std::uint32_t query,
                        std::uint32_t mask, int, int limit, std::uint32_t* out) {
    const uint32x4_t wanted = vdupq_n_u32(query);
    const uint32x4_t fingerprint = vdupq_n_u32(mask);
    const uint32x4_t bound = vdupq_n_u32(static_cast<std::uint32_t>(limit));
    std::size_t found = 0;
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const uint32x4_t differ = vandq_u32(veorq_u32(vld1q_u32(postings + i), wanted), fingerprint);
        const uint32x4_t bits = vpaddlq_u16(vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u32(differ))));
        const uint32x4_t near = vcleq_u32(bits, bound);
        if (vmaxvq_u32(near) == 0) continue;
        found += filter_loop(postings + i, 4, query, mask, limit, out + found);
    }
    return found + filter_loop(postings + i, count - i, query, mask, limit, out + found);
}
RL_INLINE int distance_neon(const IndexHash& a, const IndexHash& b) {
    const auto* x = reinterpret_cast<const std::uint8_t*>(&a);
    const auto* y = reinterpret_cast<const std::uint8_t*>(&b);
    const uint8x16_t low = vcntq_u8(veorq_u8(vld1q_u8(x), vld1q_u8(y)));
    const uint8x16_t high = vcntq_u8(veorq_u8(vld1q_u8(x + 16), vld1q_u8(y + 16)));
    return vaddlvq_u8(vaddq_u8(low, high));
}
std::size_t scan_neon(const IndexHash* hashes, std::size_t count, const IndexHash& query, int limit,
                      std::uint32_t* out) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (distance_neon(hashes[i], query) <= limit) out[found++] = static_cast<std::uint32_t>(i);
    }
    return found;
}
std::size_t verify_neon(const IndexHash* hashes, const std::uint32_t* positions, std::size_t count,
                        const IndexHash& query, int limit, std::uint32_t* out) {
    for (std::size_t i = 0; i < kAhead && i < count; ++i) __builtin_prefetch(&hashes[positions[i]]);
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (i + kAhead < count) __builtin_prefetch(&hashes[positions[i + kAhead]]);
        const std::uint32_t position = positions[i];
        if (distance_neon(hashes[position], query) <= limit) out[found++] = position;
    }
    return found;
}
constexpr Kernels kNeon{"neon", filter_neon, scan_neon, verify_neon};

#endif

std::vector<const Kernels*> detect() {
    std::vector<const Kernels*> kernels{&kPlain};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("popcnt")) kernels.push_back(&kPopcnt);
    if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx2")) kernels.push_back(&kAvx2);
    if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vpopcntdq")) {
        kernels.push_back(&kAvx512);
    }
#elif defined(__aarch64__)
    kernels.push_back(&kNeon);
#endif
    return kernels;
}

}  // namespace

std::span<const Kernels* const> runnable_kernels() {
    static const std::vector<const Kernels*> kernels = detect();
    return kernels;
}

const Kernels& best_kernels() { return *runnable_kernels().back(); }

}  // namespace rushlight::match::index
