#include "tests/unit/adapters/http_client/calls.hpp"

using namespace novapay::test;

namespace {

pool_settings trusting(const authority& roots) {
  pool_settings out;
  out.ca_file = roots.root_file();
  return out;
}

bool mentions(const call_result& result, std::string_view part) {
  return result.detail.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("http_client: TLS with a trusted certificate of the right name is answered") {
  authority roots;
  bad_server server{always(answer()), server_tls{roots.issue("localhost")}};
  caller on{trusting(roots)};
  for (int i = 0; i < 5; ++i) check(on.get(post(server.url_of("localhost"))), call_fate::answered, "");
  CHECK(server.connections() == 1);
  bad_server by_address{always(answer()), server_tls{roots.issue("127.0.0.1")}};
  check(on.get(post(by_address.url())), call_fate::answered, "");
}

TEST_CASE(
    "http_client: a certificate that is not in order is refused before a byte of the request, and the detail says "
    "why") {
  authority roots;
  authority others;
  std::atomic<bool> begun{false};
  const behaviour note = [&](conversation& with) {
    std::string byte;
    if (with.read_exactly(byte, 1)) begun = true;
  };
  const auto refused = [&](key_pair identity, std::string_view why) {
    bad_server server{note, server_tls{std::move(identity)}};
    const auto result = caller{trusting(roots)}.get(post(server.url_of("localhost")));
    check(result, call_fate::refused, "tls_failed");
    CHECK_MESSAGE(mentions(result, why), result.detail);
  };
  refused(roots.issue("localhost", -48, -24), "expired");
  refused(roots.issue("localhost", 24, 48), "not yet valid");
  refused(roots.issue("api.stripe.com"), "host name 'localhost'");
  refused(others.issue("localhost"), "unable to get local issuer");
  {
    bad_server server{note, server_tls{roots.issue("localhost")}};  // the system's roots do not know it
    check(caller{}.get(post(server.url_of("localhost"))), call_fate::refused, "tls_failed");
  }
  CHECK_FALSE(begun);
}

TEST_CASE("http_client: a server that speaks no TLS, or hangs up in the handshake, refuses") {
  for (const bool reset : {false, true}) {
    bad_server server{[&](conversation& with) {
      std::string hello;
      with.read_exactly(hello, 5);
      if (reset)
        with.reset();
      else
        with.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    }};
    const auto result = caller{}.get(post("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
    check(result, call_fate::refused, "tls_failed");
    CHECK_FALSE(result.detail.empty());
  }
}

TEST_CASE("http_client: over TLS, too, lost and truncated answers are in doubt") {
  authority roots;
  const server_tls tls{roots.issue("localhost")};
  const auto meets = [&](std::string bytes) {
    bad_server server{[&](conversation& with) {
                        seen_request request;
                        if (with.read_request(request)) with.write(bytes);
                      },
                      tls};
    return caller{trusting(roots)}.get(post(server.url_of("localhost")));
  };
  check(meets(""), call_fate::may_be_executed, "connection_lost");
  check(meets("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), call_fate::may_be_executed, "truncated");
  check(meets("HTTP/1.1 200 OK\r\n\r\nhello"), call_fate::may_be_executed, "truncated");

  std::atomic<int> deliveries{0};  // and a kept-alive connection's end is not answered with a repetition
  bad_server server{[&](conversation& with) {
                      seen_request request;
                      if (with.read_request(request)) with.write(answer());
                      if (with.read_request(request)) ++deliveries;
                    },
                    tls};
  caller on{trusting(roots)};
  check(on.get(post(server.url_of("localhost"))), call_fate::answered, "");
  check(on.get(post(server.url_of("localhost"))), call_fate::may_be_executed, "connection_lost");
  CHECK(deliveries == 1);
  CHECK(server.connections() == 1);
}

// libcurl 7.88 puts a request's head into its body, or forgets the call, when an HTTP/2 connection cannot take the head at once.
TEST_CASE("http_client: HTTP/2 is not spoken, even where it is offered") {
  authority roots;
  seen_request seen;
  bad_server server{[&](conversation& with) {
                      if (with.read_request(seen)) with.write(answer());
                    },
                    server_tls{roots.issue("localhost"), true}};
  check(caller{trusting(roots)}.get(post(server.url_of("localhost"))), call_fate::answered, "");
  CHECK(seen.head.starts_with("POST / HTTP/1.1\r\n"));
}

TEST_CASE("http_client: a request that no socket takes at once arrives as it is, over TCP and TLS") {
  authority roots;
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    std::string body;  // more than sockets take at once, and no two places alike
    for (int i = 0; body.size() < 16 * 1024 * 1024; ++i) body += std::to_string(i) + ',';
    seen_request seen;
    bad_server server{[&](conversation& with) {
                        if (with.read_request(seen)) with.write(answer());
                      },
                      tls ? std::optional{server_tls{roots.issue("localhost")}} : std::nullopt};
    caller on{trusting(roots)};
    check(on.get(post(server.url_of("localhost"), body)), call_fate::answered, "");
    CHECK_MESSAGE(seen.body == body, "another body");
  }
}
