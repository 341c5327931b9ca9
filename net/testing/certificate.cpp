#include "net/testing/certificate.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace rushlight::net::testing {
namespace {

void add_extension(X509* certificate, int which, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

}  // namespace

Certificate::Certificate(const std::string& host)
    : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509* x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86'400);
    X509_set_pubkey(x509, key.get());
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(x509, name);
    add_extension(x509, NID_subject_alt_name, "DNS:" + host);
    add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
    if (X509_sign(x509, key.get(), EVP_sha256()) == 0 || SSL_CTX_use_certificate(context_.get(), x509) != 1 ||
        SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1) {
        throw std::runtime_error("the test's certificate can't be made");
    }
    std::string path = "/tmp/rushlight_certificate_XXXXXX";
    const int fd = ::mkstemp(path.data());
    std::FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "w");
    if (!file || PEM_write_X509(file, x509) != 1) throw std::runtime_error("cannot write the certificate");
    std::fclose(file);
    file_ = path;
}

Certificate::~Certificate() { ::unlink(file_.c_str()); }

}  // namespace rushlight::net::testing
