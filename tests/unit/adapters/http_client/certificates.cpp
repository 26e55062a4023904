#include "tests/unit/adapters/http_client/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace novapay::test {
namespace {

using key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string{"openssl: "} + what);
}

key new_key() {
  key made{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  must(made != nullptr, "key");
  return made;
}

void extend(X509* what, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, what, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
  must(made != nullptr, "extension");
  X509_add_ext(what, made, -1);
  X509_EXTENSION_free(made);
}

certificate blank(const std::string& name, EVP_PKEY* its_key, long serial, long from, long until) {
  certificate made{X509_new(), &X509_free};
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), from * 3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), until * 3600);
  X509_set_pubkey(made.get(), its_key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

void sign(X509* what, X509* issuer, EVP_PKEY* with) {
  X509_set_issuer_name(what, X509_get_subject_name(issuer));
  must(X509_sign(what, with, EVP_sha256()) > 0, "sign");
}

template <class Write>
void to_file(const std::string& path, Write write) {
  FILE* file = std::fopen(path.c_str(), "w");
  must(file != nullptr, "file");
  const bool written = write(file) == 1;
  must((std::fclose(file) == 0) && written, "write");
}

}  // namespace

struct authority::impl {
  std::filesystem::path folder;
  key its_key = new_key();
  certificate root{nullptr, &X509_free};
  long serial = 1;
};

authority::authority() : impl_{std::make_unique<impl>()} {
  std::string pattern = (std::filesystem::temp_directory_path() / "novapay-certificates-XXXXXX").string();
  must(::mkdtemp(pattern.data()) != nullptr, "folder");
  impl_->folder = pattern;
  impl_->root = blank("the root of " + impl_->folder.string(), impl_->its_key.get(), impl_->serial++, -48, 48);
  auto* root = impl_->root.get();
  X509_set_issuer_name(root, X509_get_subject_name(root));
  extend(root, root, NID_basic_constraints, "critical,CA:TRUE");
  extend(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
  sign(root, root, impl_->its_key.get());
  to_file(root_file(), [&](FILE* file) { return PEM_write_X509(file, root); });
}

authority::~authority() {
  std::error_code ignored;
  std::filesystem::remove_all(impl_->folder, ignored);
}

std::string authority::root_file() const { return (impl_->folder / "root.pem").string(); }

key_pair authority::issue(const std::string& name, long from, long until) {
  const auto serial = impl_->serial++;
  const auto base = (impl_->folder / std::to_string(serial)).string();
  const key_pair out{base + ".pem", base + ".key"};
  const auto its_key = new_key();
  const auto made = blank(name, its_key.get(), serial, from, until);
  const bool address =
      !name.empty() && (name.find(':') != std::string::npos || (name.front() >= '0' && name.front() <= '9'));
  extend(made.get(), impl_->root.get(), NID_subject_alt_name, (address ? "IP:" : "DNS:") + name);
  sign(made.get(), impl_->root.get(), impl_->its_key.get());
  to_file(out.certificate_file, [&](FILE* file) { return PEM_write_X509(file, made.get()); });
  to_file(out.key_file,
          [&](FILE* file) { return PEM_write_PrivateKey(file, its_key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return out;
}

}  // namespace novapay::test
