#include "adapters/http/request_reader.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <utility>

#include "adapters/http/chunked.hpp"

namespace novapay::adapters::http {
namespace {

namespace beast = boost::beast;
using runtime::http_refusal;

// Beast's parser for the head, writing straight into our request: no second copy of the fields.
class head_parser final : public beast::http::basic_parser<true> {
 public:
  explicit head_parser(runtime::http_request& out) : out_{out} {
    skip(true);                // the body is ours
    header_limit(UINT32_MAX);  // our own limit has held before this parser sees a byte
    body_limit(boost::none);
  }

 private:
  using text = beast::string_view;
  static std::string_view view(text t) { return {t.data(), t.size()}; }

  void on_request_impl(beast::http::verb, text method, text target, int, beast::error_code& ec) override {
    out_.method = view(method);
    const auto path = origin_form(out_.method, view(target));
    if (!path) {
      ec = beast::http::error::bad_target;
      return;
    }
    if (path->empty() || path->front() == '?') out_.target += '/';
    out_.target += *path;
    out_.fields.reserve(usual_fields);
  }
  void on_field_impl(beast::http::field, text name, text value, beast::error_code&) override {
    auto& [key, content] = out_.fields.emplace_back();
    key.resize(name.size());
    std::transform(name.begin(), name.end(), key.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    content = view(value);
  }
  void on_response_impl(int, text, int, beast::error_code& ec) override { ec = beast::http::error::bad_version; }
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(text, beast::error_code& ec) override { return unexpected(ec); }
  void on_chunk_header_impl(std::uint64_t, text, beast::error_code& ec) override { unexpected(ec); }
  std::size_t on_chunk_body_impl(std::uint64_t, text, beast::error_code& ec) override { return unexpected(ec); }
  void on_finish_impl(beast::error_code&) override {}
  static std::size_t unexpected(beast::error_code& ec) {
    ec = beast::http::error::unexpected_body;
    return 0;
  }

  static constexpr std::size_t usual_fields = 12;
  runtime::http_request& out_;
};

}  // namespace

struct request_reader::impl {
  enum class stage { start, head, body, complete, refused };

  impl(request_limits l, runtime::http_admission a) : limits{l}, admits{std::move(a)} {}

  step refuse(http_refusal why, std::string_view detail) {
    objection = {why, detail};
    now = stage::refused;
    return step::refused;
  }

  void begin() {
    request = {};
    search = {};
    facts = {};
    body_begun = turned_away = false;
    now = stage::start;
  }

  step read_head(std::string_view bytes, std::size_t& used);
  bool parse(std::string_view head);
  step read_body(std::string_view bytes, std::size_t& used);
  step read_chunks(std::string_view bytes, std::size_t& used);

  const request_limits limits;
  const runtime::http_admission admits;
  stage now = stage::start;
  head_search search;
  head_facts facts;
  refused objection;
  bool body_begun = false;
  bool turned_away = false;
  runtime::http_request request;
  std::size_t body_left = 0;            // of a body with a Content-Length
  std::optional<chunk_decoder> chunks;  // of one without
};

bool request_reader::impl::parse(std::string_view head) {
  head_parser parser{request};
  beast::error_code ec;
  const auto parsed = parser.put({head.data(), head.size()}, ec);
  return !ec && parsed == head.size() && parser.is_done();
}

request_reader::step request_reader::impl::read_head(std::string_view bytes, std::size_t& used) {
  // One empty line before the request line is forgiven (RFC 9112, 2.2): old clients end a body so.
  if (now == stage::start) {
    if (bytes.empty() || bytes == "\r") return step::need_more;
    if (bytes.starts_with("\r\n")) used = 2;
    now = stage::head;
  }
  bytes.remove_prefix(used);
  if (bytes.empty()) return step::need_more;
  const auto state = find_head_end(bytes, search);
  if (state == head_state::malformed)
    return refuse(http_refusal::malformed, "This is not HTTP, or its lines do not end in CR LF");
  const bool complete = state == head_state::complete;
  if (complete ? search.scanned > limits.head_bytes_max : bytes.size() >= limits.head_bytes_max)
    return refuse(http_refusal::head_too_large, "The request line and header fields are too large");
  if (!complete) return step::need_more;

  const auto head = bytes.substr(0, search.scanned);
  const auto checked = check_head(head);
  if (const auto* objected = std::get_if<refused>(&checked)) return refuse(objected->why, objected->detail);
  facts = std::get<head_facts>(checked);
  if (facts.content_length.value_or(0) > limits.body_bytes_max)
    return refuse(http_refusal::body_too_large, "The request body is too large");

  const auto method = head.substr(0, head.find(' '));
  turned_away =
      admits && !admits(method, head.substr(method.size() + 1, head.find(' ', method.size() + 1) - method.size() - 1));
  if (turned_away)
    request.method = method;
  else if (!parse(head))
    return refuse(http_refusal::malformed, "The request's head is not well formed");
  used += head.size();
  body_left = static_cast<std::size_t>(facts.content_length.value_or(0));
  if (facts.chunked) chunks.emplace(limits.body_bytes_max, limits.head_bytes_max);
  now = facts.chunked || body_left > 0 ? stage::body : stage::complete;
  return now == stage::complete ? step::complete : step::need_more;
}

request_reader::step request_reader::impl::read_body(std::string_view bytes, std::size_t& used) {
  if (bytes.empty()) return step::need_more;
  body_begun = true;
  if (facts.chunked) return read_chunks(bytes, used);
  const auto taken = std::min(body_left, bytes.size());
  if (!turned_away) {
    if (request.body.empty()) request.body.reserve(body_left);  // within body_bytes_max
    request.body += bytes.substr(0, taken);
  }
  used += taken;
  body_left -= taken;
  if (body_left > 0) return step::need_more;
  now = stage::complete;
  return step::complete;
}

request_reader::step request_reader::impl::read_chunks(std::string_view bytes, std::size_t& used) {
  std::size_t taken = 0;
  const auto result = chunks->read(bytes, taken, request.body);
  used += taken;
  switch (result) {
    case chunk_decoder::step::need_more: return step::need_more;
    case chunk_decoder::step::complete: now = stage::complete; return step::complete;
    case chunk_decoder::step::body_too_large:
      return refuse(http_refusal::body_too_large, "The request body is too large");
    case chunk_decoder::step::line_too_large:
      return refuse(http_refusal::head_too_large, "A chunk's header or the trailer fields are too large");
    case chunk_decoder::step::malformed: break;
  }
  return refuse(http_refusal::malformed, "The request body's chunks are not well formed");
}

request_reader::request_reader(request_limits limits, runtime::http_admission admits)
    : impl_{std::make_unique<impl>(limits, std::move(admits))} {}
request_reader::~request_reader() = default;

request_reader::step request_reader::read(std::string_view bytes, std::size_t& used) {
  used = 0;
  if (impl_->now == impl::stage::refused) return step::refused;
  if (impl_->now == impl::stage::complete) impl_->begin();
  if (impl_->now != impl::stage::body) {
    const auto result = impl_->read_head(bytes, used);
    if (impl_->now != impl::stage::body) return result;
  }
  return impl_->read_body(bytes.substr(used), used);
}

bool request_reader::begun() const noexcept {
  return impl_->now == impl::stage::head || impl_->now == impl::stage::body;
}
bool request_reader::head_done() const noexcept { return impl_->now == impl::stage::body; }
bool request_reader::body_begun() const noexcept { return impl_->body_begun; }
const head_facts& request_reader::facts() const noexcept { return impl_->facts; }
const refused& request_reader::refusal() const noexcept { return impl_->objection; }
bool request_reader::head_only() const noexcept { return impl_->request.method == "HEAD"; }
bool request_reader::turned_away() const noexcept { return impl_->turned_away; }
runtime::http_request request_reader::take() { return std::move(impl_->request); }

}  // namespace novapay::adapters::http
