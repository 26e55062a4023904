// loadgen: offers payments to a NovaPay (or to anything that answers like one) and prints what came of it as JSON.
#include <charconv>
#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tests/perf/loadgen/load.hpp"

namespace {

using json = nlohmann::ordered_json;

json shown(const loadgen::histogram& times) {
  return {{"count", times.count()},         {"mean", times.mean_ms()},        {"p50", times.percentile_ms(50)},
          {"p90", times.percentile_ms(90)}, {"p99", times.percentile_ms(99)}, {"p999", times.percentile_ms(99.9)},
          {"max", times.max_ms()}};
}

json shown(const loadgen::stats& of) {
  return {{"offered", of.offered},
          {"sent", of.sent},
          {"created", of.created},
          {"paid", of.paid},
          {"refused_creates", of.refused_creates},
          {"refused_captures", of.refused_captures},
          {"broken", of.broken},
          {"unsent", of.unsent},
          {"other", of.other},
          {"ok_ms", shown(of.ok)},
          {"refused_ms", shown(of.refused)},
          {"refused_sent_ms", shown(of.refused_sent)},
          {"own_ms", shown(of.own)},
          {"beyond_ms", shown(of.beyond)},
          {"refused_own_ms", shown(of.refused_own)},
          {"lag_ms", shown(of.lag)}};
}

// "closed:5" or "1200:60".
loadgen::phase phase_of(const std::string& text) {
  const auto colon = text.find(':');
  const auto read = [&](std::string_view number) {
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size() || value <= 0)
      throw CLI::ValidationError("--phase", "\"" + text + "\" is not RATE:SECONDS or closed:SECONDS");
    return value;
  };
  const std::string_view all = text;
  const auto rate = all.substr(0, colon);
  return {rate == "closed" ? 0 : read(rate), read(colon == text.npos ? "" : all.substr(colon + 1))};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Offers payments (create and authorize, then capture) and prints JSON: counts and latencies in milliseconds, in "
      "all, by phase and "
      "by second.",
      "loadgen"};
  loadgen::settings how;
  std::vector<std::string> phases;
  bool even = false, only_create = false;
  app.add_option("--host", how.host, "IPv4 address (default: 127.0.0.1)");
  app.add_option("--port", how.port)->required();
  app.add_option("--key", how.key, "API key")->required();
  app.add_option("--run", how.run, "makes the idempotency keys unique; letters at its ends")->required();
  app.add_option("--connections", how.connections, "kept-alive connections (default: 64)")
      ->check(CLI::Range(1, 60'000));
  app.add_option("--phase", phases,
                 "RATE:SECONDS (payments a second, open loop) or closed:SECONDS; one after the other")
      ->required();
  app.add_option("--payments", how.payments, "begin no more than these");
  app.add_option("--seed", how.seed);
  app.add_option("--processor-ms", how.processor_ms,
                 "how long the server's processor takes for a call: beyond_ms is what a client waits over that");
  app.add_flag("--even", even, "equal gaps between arrivals instead of exponentially distributed ones");
  app.add_flag("--only-create", only_create, "do not capture");
  try {
    app.parse(argc, argv);
    for (const auto& one : phases) how.phases.push_back(phase_of(one));
  } catch (const CLI::ParseError& wrong) { return app.exit(wrong); }
  how.poisson = !even;
  how.capture = !only_create;
  try {
    const auto found = loadgen::run(how);
    json phases_shown = json::array(), seconds = json::array();
    for (const auto& one : found.phases) phases_shown.push_back(shown(one));
    for (const auto& one : found.seconds) seconds.push_back(shown(one));
    std::cout << json{{"elapsed_s", found.elapsed_s},
                      {"cpu_s", found.cpu_s},
                      {"unanswered", found.unanswered},
                      {"busy_connections_max", found.busy_connections_max},
                      {"total", shown(found.total)},
                      {"phases", phases_shown},
                      {"seconds", seconds}}
                     .dump()
              << "\n";
    return 0;
  } catch (const std::exception& thrown) {
    std::cerr << "loadgen: " << thrown.what() << "\n";
    return 1;
  }
}
