// The tables of message: endpoints, events, tries.
#pragma once

#include "message/message.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::message {

struct SealedSecrets {
    ByteVector current{};
    ByteVector old{};  // empty: none, or no longer valid
};

// Everything that one delivery needs.
struct Delivery {
    std::optional<Endpoint> endpoint{};
    SealedSecrets secrets{};
    std::optional<std::string> body{};
    std::string type{};
};
Result<Delivery> find_delivery(store::Reader& reader, EndpointId id, std::string_view event, Time now);

Result<EndpointId> insert_endpoint(store::Writer& writer, const NewEndpoint& endpoint, Time now);
// The present secret becomes the old one, valid until `old_until`.
Status set_secret(store::Writer& writer, EndpointId id, Bytes sealed, Time old_until);
Result<std::int64_t> count_endpoints(store::Reader& reader);
Status change_endpoint_row(store::Writer& writer, EndpointId id, const NewEndpoint& endpoint);
Status delete_endpoint_rows(store::Writer& writer, EndpointId id);
Status insert_event(store::Writer& writer, std::string_view id, std::string_view type, std::string_view body,
                    Time at);
Status record(store::Writer& writer, EndpointId id, const Attempt& attempt);
Status pause_because(store::Writer& writer, EndpointId id, std::string_view why);

}  // namespace rushlight::message
