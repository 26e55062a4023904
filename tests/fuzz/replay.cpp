// test_fuzz FOLDER: every target over every file of FOLDER/TARGET, and over that file cut short and with bytes changed: a
// minute's rest of what `./dev fuzz` found in hours. Exit code 1 if a promise was broken or a target has no corpus.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay::fuzz;

constexpr unsigned input_time_max_s = 20;  // one input; sanitizers and a busy machine included
std::string current_input;                 // which one, should its time run out

void out_of_time(int) {
  const auto ignored = ::write(STDERR_FILENO, current_input.data(), current_input.size());
  ::_exit(ignored < 0 ? 2 : 1);
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// The input itself, then neighbours of it, the same ones in every run.
std::vector<std::string> variations(const std::string& input) {
  std::vector<std::string> all{input};
  for (std::size_t eighth = 1; eighth < 8; ++eighth) all.push_back(input.substr(0, input.size() * eighth / 8));
  for (std::size_t n = 0; n < 8 && !input.empty(); ++n) {
    auto changed = input;
    changed[n * 7919 % changed.size()] ^= static_cast<char>(1U << n);
    all.push_back(std::move(changed));
  }
  return all;
}

// The number of inputs tried; 0 if a promise was broken.
std::size_t replay(const target& one, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator{folder}) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::size_t tried = 0;
  for (const auto& file : files)
    for (const auto& input : variations(content_of(file))) {
      current_input = file.string() + ": takes longer than it may\n";
      ::alarm(input_time_max_s);
      try {
        one.run(input);
      } catch (const std::exception& thrown) {
        std::printf("%s: %s: broken: %s\n", one.name.data(), file.c_str(), thrown.what());
        return 0;
      }
      ++tried;
    }
  std::printf("%-8s %5zu files, %6zu inputs\n", one.name.data(), files.size(), tried);
  return tried;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: test_fuzz CORPUS_FOLDER\n");
    return 2;
  }
  ::signal(SIGALRM, out_of_time);
  bool sound = !targets().empty();
  for (const auto& one : targets()) sound = replay(one, std::filesystem::path{arguments[1]} / one.name) > 0 && sound;
  return sound ? 0 : 1;
}
