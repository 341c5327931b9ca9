// The table of addresses, row by row, and the guard on top of it.
#include "net/address.h"

#include "net/guard.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::net {
namespace {

using ::testing::HasSubstr;

std::string_view what(std::string_view text) {
    const auto address = Address::parse(text);
    if (!address) return "no address";
    const SpecialRange* range = special_range(*address);
    return range ? range->what : "public";
}

struct Row {
    const char *first, *last;  // of the range
    const char* what;
    const char *before, *after;  // its neighbours, where they are public
};
class Ranges : public ::testing::TestWithParam<Row> {};

TEST_P(Ranges, HoldFromTheirFirstToTheirLastAddress) {
    const Row& row = GetParam();
    EXPECT_EQ(what(row.first), row.what);
    EXPECT_EQ(what(row.last), row.what);
    for (const char* neighbour : {row.before, row.after}) {
        if (neighbour) {
            EXPECT_EQ(what(neighbour), "public") << neighbour;
        }
    }
    if (std::string_view(row.first).find(':') != std::string_view::npos) return;
    // The same, wrapped in IPv6.
    for (const std::string prefix :
         {"::ffff:", "::", "::ffff:0:", "64:ff9b::", "2a00:1450::5efe:", "2a00:1450::200:5efe:"}) {
        EXPECT_NE(what(prefix + row.first), "public") << prefix << row.first;
        EXPECT_NE(what(prefix + row.last), "public") << prefix << row.last;
    }
}

INSTANTIATE_TEST_SUITE_P(
    , Ranges,
    ::testing::Values(
        Row{"0.0.0.0", "0.255.255.255", "this network", nullptr, "1.0.0.0"},
        Row{"10.0.0.0", "10.255.255.255", "private", "9.255.255.255", "11.0.0.0"},
        Row{"100.64.0.0", "100.127.255.255", "carrier-grade NAT", "100.63.255.255", "100.128.0.0"},
        Row{"127.0.0.0", "127.255.255.255", "loopback", "126.255.255.255", "128.0.0.0"},
        Row{"169.254.0.0", "169.254.255.255", "link-local", "169.253.255.255", "169.255.0.0"},
        Row{"172.16.0.0", "172.31.255.255", "private", "172.15.255.255", "172.32.0.0"},
        Row{"192.0.0.0", "192.0.0.255", "IETF protocol assignments", "191.255.255.255", "192.0.1.0"},
        Row{"192.0.2.0", "192.0.2.255", "documentation", "192.0.1.255", "192.0.3.0"},
        Row{"192.88.99.0", "192.88.99.255", "6to4 relay (deprecated)", "192.88.98.255", "192.88.100.0"},
        Row{"192.168.0.0", "192.168.255.255", "private", "192.167.255.255", "192.169.0.0"},
        Row{"198.18.0.0", "198.19.255.255", "benchmarking", "198.17.255.255", "198.20.0.0"},
        Row{"198.51.100.0", "198.51.100.255", "documentation", "198.51.99.255", "198.51.101.0"},
        Row{"203.0.113.0", "203.0.113.255", "documentation", "203.0.112.255", "203.0.114.0"},
        Row{"224.0.0.0", "239.255.255.255", "multicast", "223.255.255.255", nullptr},
        Row{"240.0.0.0", "255.255.255.254", "reserved", nullptr, nullptr},
        Row{"255.255.255.255", "255.255.255.255", "broadcast", nullptr, nullptr},
        Row{"::", "::", "unspecified", nullptr, nullptr}, Row{"::1", "::1", "loopback", nullptr, nullptr},
        Row{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local-use translation", nullptr, nullptr},
        Row{"100::", "100::ffff:ffff:ffff:ffff", "discard-only", nullptr, nullptr},
        Row{"100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", "dummy", nullptr, nullptr},
        Row{"2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "IETF protocol assignments",
            "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
        Row{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
        Row{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation",
            "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
        Row{"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing", nullptr, nullptr},
        Row{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local", nullptr, nullptr},
        Row{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local", nullptr, nullptr},
        Row{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local (deprecated)", nullptr, nullptr},
        Row{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast", nullptr, nullptr},
        Row{"::1:0:0:0:0", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved", nullptr, "2000::"},
        Row{"4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr},
        Row{"8000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved", nullptr, nullptr}));

TEST(RangeTable, EachRowOfTheTableIsTriedAbove) {
    // One test above for each row: a row without one makes this fail.
    EXPECT_EQ(special_ranges().size(), 32u);
}

TEST(RangeTable, WrappedAddressesAreSeenThrough) {
    EXPECT_EQ(what("::ffff:7f00:1"), "loopback");
    EXPECT_EQ(what("64:ff9b::a9fe:a9fe"), "link-local");
    EXPECT_EQ(what("2002:0a00:0001::1"), "private");
    EXPECT_EQ(what("2002:0808:0808::1"), "public");
    EXPECT_EQ(what("::ffff:8.8.8.8"), "public");
    // Teredo: the server at 32 bits, the client's bits flipped at the end.
    EXPECT_EQ(what("2001:0:a00:1::f7f7:f7f7"), "private");
    EXPECT_EQ(what("2001:0:808:808::80ff:fffe"), "loopback");
    EXPECT_EQ(what("2001:0:808:808::f7f7:f7f7"), "public");
}

TEST(Address, IsReadInOneSpellingOnly) {
    EXPECT_EQ(Address::parse("[2001:DB8::1]")->text(), "2001:db8::1");
    EXPECT_EQ(Address::parse("192.0.2.1")->text(), "192.0.2.1");
    for (const char* text : {"", "127.1", "0x7f.0.0.1", "0177.0.0.1", "1.2.3.4.5", "fe80::1%eth0",
                             "[127.0.0.1]", "[::1", "::1]", " 127.0.0.1", "127.0.0.1 "}) {
        const auto address = Address::parse(text);
        EXPECT_TRUE(!address || address->text() == text) << text;
        EXPECT_FALSE(address) << text;
    }
    EXPECT_FALSE(Address::parse(std::string_view("127.0.0.1\0", 10)));
}

TEST(Guard, AdmitsExactlyTheNamedPair) {
    const auto guard =
        Guard::create(std::vector<std::string>{"Intern.example:8080", "[0:0::1]:90", "127.1:91"});
    ASSERT_TRUE(guard) << guard.error().message;
    const Address local = *Address::parse("10.0.0.1");
    EXPECT_EQ(guard->refusal(local, "intern.example", 8080), std::nullopt);
    EXPECT_TRUE(guard->refusal(local, "intern.example", 8081));
    EXPECT_TRUE(guard->refusal(local, "intern.example.", 8080));
    EXPECT_TRUE(guard->refusal(local, "x.intern.example", 8080));
    EXPECT_TRUE(guard->refusal(local, "10.0.0.1", 8080));
    EXPECT_EQ(guard->refusal(*Address::parse("::1"), "[::1]", 90), std::nullopt);
    EXPECT_EQ(guard->refusal(*Address::parse("127.0.0.1"), "127.0.0.1", 91), std::nullopt);
    EXPECT_EQ(guard->refusal(*Address::parse("8.8.8.8"), "any.example", 1), std::nullopt);
    EXPECT_THAT(*guard->refusal(local, "a.example", 80),
                HasSubstr("10.0.0.1 is not a public address (private, RFC 1918)"));
}

TEST(Guard, ConfinedAdmitsNothingElse) {
    auto guard = Guard::create(std::vector<std::string>{"harbour.test:8101"});
    ASSERT_TRUE(guard);
    EXPECT_EQ(guard->refusal("example.com", 80), std::nullopt);
    guard->admit_nothing_else("this is practice");
    EXPECT_EQ(guard->refusal("harbour.test", 8101), std::nullopt);
    EXPECT_TRUE(guard->refusal("harbour.test", 8102));
    EXPECT_TRUE(guard->refusal("93.184.216.34", 8101));
    EXPECT_THAT(*guard->refusal("example.com", 80), HasSubstr("this is practice"));
}

TEST(Guard, SaysWhichTargetIsNone) {
    for (const std::string target :
         {"example.com", ":80", "example.com:", "example.com:0", "example.com:65536", "a/b:80", "user@a:80",
          "::1:80", "http://a:80", "a b:80", "a:80:x"}) {
        const auto guard = Guard::create(std::vector<std::string>{target});
        ASSERT_FALSE(guard) << target;
        EXPECT_THAT(guard.error().message, HasSubstr("'" + target + "' is no HOST:PORT"));
    }
}

}  // namespace
}  // namespace rushlight::net
