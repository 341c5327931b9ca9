// Value: one parameter of a statement, and Params: all of them.
//
// Both are views: text, bytes and hashes are not copied and must live until the call returns, as temporaries
// written into the call do. Text has to be UTF-8 without NUL (what a person could have typed): names from
// outside that are anything else are stored as bytes.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "base/time.h"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::store {

class Value {
  public:
    enum class Kind : std::uint8_t { null, integer, real, text, bytes };

    // NOLINTBEGIN(google-explicit-constructor): a parameter is written as what it is
    Value() = default;
    Value(std::nullptr_t) {}
    // Every integer type that fits into 64 signed bits; bool is 0 or 1.
    template <std::integral T>
        requires(sizeof(T) < 8 || std::signed_integral<T>)
    Value(T number) : kind_(Kind::integer), integer_(number) {}
    Value(double number) : kind_(Kind::real), real_(number) {}
    Value(std::string_view text) : kind_(Kind::text), data_(text.data()), size_(text.size()) {}
    Value(const std::string& text) : Value(std::string_view(text)) {}
    Value(const char* text) : Value(std::string_view(text)) {}
    Value(Bytes bytes)
        : kind_(Kind::bytes), data_(reinterpret_cast<const char*>(bytes.data())), size_(bytes.size()) {}
    Value(const ByteVector& bytes) : Value(Bytes(bytes)) {}
    Value(Time time) : Value(time.micros) {}
    template <std::size_t N, class Tag>
    Value(const Hash<N, Tag>& hash) : Value(Bytes(hash.value)) {}
    template <class T>
    Value(const std::optional<T>& value) : Value(value ? Value(*value) : Value()) {}
    // NOLINTEND(google-explicit-constructor)

    Kind kind() const { return kind_; }
    std::int64_t integer() const { return integer_; }
    double real() const { return real_; }
    std::string_view text() const { return {data_, size_}; }
    Bytes bytes() const { return bytes_of({data_, size_}); }

  private:
    Kind kind_ = Kind::null;
    union {
        std::int64_t integer_ = 0;
        double real_;
        const char* data_;
    };
    std::size_t size_ = 0;
};

// `{list, hash, nullptr}` in a call; $1 is the first.
class Params {
  public:
    // NOLINTBEGIN(google-explicit-constructor): so that a call can say {a, b}
    Params() = default;
    Params(std::initializer_list<Value> values) : values_(view(values)) {}
    Params(const std::vector<Value>& values) : values_(values) {}
    Params(std::span<const Value> values) : values_(values) {}
    // NOLINTEND(google-explicit-constructor)

    std::span<const Value> values() const { return values_; }

  private:
    static std::span<const Value> view(std::initializer_list<Value> values) {
        return {values.begin(), values.size()};  // lives as long as the whole call that it is written in
    }

    std::span<const Value> values_;
};

}  // namespace rushlight::store
