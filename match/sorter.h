// Sorter: the values of an import in the order of the entry table's key, each once, in bounded memory.
//
// Values are collected in runs; a full run is sorted and written to an unnamed file, and the runs are merged
// when they are read. Bare values of 64 digits are kept in runs of their own until it is decided what they
// are.
#pragma once

#include "base/fd.h"
#include "match/formats/formats.h"
#include "match/formats/sixty_four.h"
#include "match/key.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::match {

class Sorter {
  public:
    // `folder` is where the unnamed file is made once a run is full.
    explicit Sorter(std::string folder, std::size_t run_records = kRunRecords)
        : folder_(std::move(folder)), run_records_(run_records) {}

    Status add(const formats::Item& item, formats::EntryState state);
    // After the last add(): what the undecided ones look like, and how many there are.
    const formats::SixtyFour& evidence();
    std::uint64_t undecided() const { return undecided_count_; }

    struct Sorted {
        Key key;
        formats::EntryState state = formats::EntryState::active;
        Bytes detail;  // the packed value of vPDQ and PhotoDNA
        std::string_view note;
    };
    // In order; of equal values the one that came first. May be called again. An error from `use` ends it.
    Status each(formats::Method undecided, const std::function<Status(const Sorted&)>& use);

    static constexpr std::size_t kRunRecords = 512 << 10;

  private:
    struct Record {
        Key key;
        formats::EntryState state = formats::EntryState::active;
        std::uint64_t order = 0;
        std::uint64_t extra = 0;  // where its note and detail begin in the run's arena
        std::uint32_t note = 0, detail = 0;
    };
    struct Run {
        std::vector<Record> records;
        std::string arena;
        bool undecided = false;
    };
    struct Spooled {
        std::uint64_t begin = 0, end = 0;
        bool undecided = false;
    };
    class Source;
    class MemorySource;
    class SpoolSource;

    void sort(Run& run);
    Status spool(Run& run);

    std::string folder_;
    std::size_t run_records_;
    Run decided_, undecided_{{}, {}, true};
    std::vector<Spooled> spooled_;
    Fd file_;
    std::uint64_t file_end_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t undecided_count_ = 0;
    formats::SixtyFour evidence_;
    bool finished_ = false;
};

}  // namespace rushlight::match
