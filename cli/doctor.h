// doctor: tries for real what a machine can lack, and says what to do about it. Each part below looks at one
// thing and never fails itself: what it could not find out is a finding, too. Private to cli.
#pragma once

#include "cli/commands.h"

#include <string>
#include <utility>
#include <vector>

namespace rushlight::cli {

// The JSON's keys are check, ok, found, do.
struct Finding {
    std::string check;  // a word for scripts
    bool ok = false;
    std::string found;
    std::string todo{};  // where it is not ok

    static Finding well(std::string check, std::string found) {
        return {std::move(check), true, std::move(found), {}};
    }
    static Finding wrong(std::string check, std::string found, std::string todo) {
        return {std::move(check), false, std::move(found), std::move(todo)};
    }
};

// The machine: doctor_machine.cpp
Finding look_at_kernel(const Context& context);
Finding look_at_memory(const Context& context);
Finding look_at_descriptors();
Finding look_at_core_dumps();
Finding look_at_locale();
Finding look_at_disk(const Context& context);
Finding look_at_fsync(const Context& context);

// What is installed: doctor_formats.cpp
Finding look_at_programs();
Finding look_at_formats(Context& context);
Finding look_at_archives(Context& context);
Finding look_at_console();

// What is stored: doctor_state.cpp
Finding look_at_store(Context& context);
Finding look_at_clock(Context& context);
Finding look_at_key_file(Context& context);
Finding look_at_holding(Context& context, const Services& services);

// What talks: doctor_network.cpp. Nothing leaves the machine but a question to a name server that the
// settings name.
Finding look_at_port(const Context& context);
Finding look_at_dns(const Context& context);

}  // namespace rushlight::cli
