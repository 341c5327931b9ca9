// What all the readers share: from the text of one value to an Item or a bad line.
#pragma once

#include "match/formats/formats.h"
#include "match/formats/lines.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rushlight::match::formats {

// The names that list files have for methods: "SHA-1", "video_md5", "HASH_PDQ", "PDQ hash", … in any case,
// with or without '-', '_' and spaces.
std::optional<Method> method_of_type(std::string_view type);
// A type that exists in the field and is no hash we hold ("url", "text_tlsh", …), so that a line of it can be
// told from a broken one.
bool is_other_type(std::string_view type);

struct Extra {
    std::optional<EntryState> state;
    std::string_view note;
};

class Emitter {
  public:
    Emitter(const ReadOptions& options, const ReadSink& sink) : options_(options), sink_(sink) {}

    // A value whose method the file says.
    Status typed(std::uint64_t line, Method method, std::string_view text, const Extra& extra = {});
    // A value whose method the options or its shape must say.
    Status bare(std::uint64_t line, std::string_view text, const Extra& extra = {});
    // A value with the name that the file has for its method.
    Status named(std::uint64_t line, std::string_view type, std::string_view text, const Extra& extra = {});

    void bad(std::uint64_t line, std::string reason) { sink_.bad(line, std::move(reason)); }
    void too_long(std::uint64_t line) {
        bad(line, "longer than " + std::to_string(kMaxLineBytes) + " bytes");
    }

  private:
    Status emit(std::uint64_t line, Method method, Bytes bytes, bool undecided, const Extra& extra);

    const ReadOptions& options_;
    const ReadSink& sink_;
    std::array<std::byte, 32> scratch_{};
    std::string note_;
};

Status read_text(Lines& lines, Emitter& emitter);
Status read_threatexchange(Lines& lines, Emitter& emitter);
Status read_md5sum(Lines& lines, Emitter& emitter);
Status read_hashdeep(Lines& lines, Emitter& emitter);
Status read_csv(Lines& lines, Emitter& emitter);
Status read_jsonl(Lines& lines, Emitter& emitter);

// The format of what begins like this; fails with `invalid`, saying what it looks like instead.
Result<Format> tell_format(std::string_view head);
// The columns of a header that hold values; empty where the line is no header. `separator` is set.
bool is_csv_header(std::string_view line);

}  // namespace rushlight::match::formats
