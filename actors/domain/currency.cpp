// The list: ISO 4217 list one as published on 2026-01-01 (178 codes), less the 13 whose minor unit is "N.A.": metals,
// bond units, XDR, XSU, XUA, XTS, XXX. Fund codes that do have a minor unit are in it.
//
// BGN is no longer in it (Bulgaria took the euro that day); ZWG, XCG and XAD are. Exponents are ISO's own: a processor
// that counts otherwise (Stripe takes ISK and UGX with two digits) is that adapter's affair.
#include <algorithm>
#include <array>
#include <cassert>

#include "actors/domain/money.hpp"

namespace novapay::domain {
namespace {

constexpr auto by_name = std::to_array<currency_info>({
    // clang-format off
    {currency{784}, "aed", 2}, {currency{971}, "afn", 2}, {currency{8}, "all", 2},   {currency{51}, "amd", 2},
    {currency{973}, "aoa", 2}, {currency{32}, "ars", 2},  {currency{36}, "aud", 2},  {currency{533}, "awg", 2},
    {currency{944}, "azn", 2}, {currency{977}, "bam", 2}, {currency{52}, "bbd", 2},  {currency{50}, "bdt", 2},
    {currency{48}, "bhd", 3},  {currency{108}, "bif", 0}, {currency{60}, "bmd", 2},  {currency{96}, "bnd", 2},
    {currency{68}, "bob", 2},  {currency{984}, "bov", 2}, {currency{986}, "brl", 2}, {currency{44}, "bsd", 2},
    {currency{64}, "btn", 2},  {currency{72}, "bwp", 2},  {currency{933}, "byn", 2}, {currency{84}, "bzd", 2},
    {currency{124}, "cad", 2}, {currency{976}, "cdf", 2}, {currency{947}, "che", 2}, {currency{756}, "chf", 2},
    {currency{948}, "chw", 2}, {currency{990}, "clf", 4}, {currency{152}, "clp", 0}, {currency{156}, "cny", 2},
    {currency{170}, "cop", 2}, {currency{970}, "cou", 2}, {currency{188}, "crc", 2}, {currency{192}, "cup", 2},
    {currency{132}, "cve", 2}, {currency{203}, "czk", 2}, {currency{262}, "djf", 0}, {currency{208}, "dkk", 2},
    {currency{214}, "dop", 2}, {currency{12}, "dzd", 2},  {currency{818}, "egp", 2}, {currency{232}, "ern", 2},
    {currency{230}, "etb", 2}, {currency{978}, "eur", 2}, {currency{242}, "fjd", 2}, {currency{238}, "fkp", 2},
    {currency{826}, "gbp", 2}, {currency{981}, "gel", 2}, {currency{936}, "ghs", 2}, {currency{292}, "gip", 2},
    {currency{270}, "gmd", 2}, {currency{324}, "gnf", 0}, {currency{320}, "gtq", 2}, {currency{328}, "gyd", 2},
    {currency{344}, "hkd", 2}, {currency{340}, "hnl", 2}, {currency{332}, "htg", 2}, {currency{348}, "huf", 2},
    {currency{360}, "idr", 2}, {currency{376}, "ils", 2}, {currency{356}, "inr", 2}, {currency{368}, "iqd", 3},
    {currency{364}, "irr", 2}, {currency{352}, "isk", 0}, {currency{388}, "jmd", 2}, {currency{400}, "jod", 3},
    {currency{392}, "jpy", 0}, {currency{404}, "kes", 2}, {currency{417}, "kgs", 2}, {currency{116}, "khr", 2},
    {currency{174}, "kmf", 0}, {currency{408}, "kpw", 2}, {currency{410}, "krw", 0}, {currency{414}, "kwd", 3},
    {currency{136}, "kyd", 2}, {currency{398}, "kzt", 2}, {currency{418}, "lak", 2}, {currency{422}, "lbp", 2},
    {currency{144}, "lkr", 2}, {currency{430}, "lrd", 2}, {currency{426}, "lsl", 2}, {currency{434}, "lyd", 3},
    {currency{504}, "mad", 2}, {currency{498}, "mdl", 2}, {currency{969}, "mga", 2}, {currency{807}, "mkd", 2},
    {currency{104}, "mmk", 2}, {currency{496}, "mnt", 2}, {currency{446}, "mop", 2}, {currency{929}, "mru", 2},
    {currency{480}, "mur", 2}, {currency{462}, "mvr", 2}, {currency{454}, "mwk", 2}, {currency{484}, "mxn", 2},
    {currency{979}, "mxv", 2}, {currency{458}, "myr", 2}, {currency{943}, "mzn", 2}, {currency{516}, "nad", 2},
    {currency{566}, "ngn", 2}, {currency{558}, "nio", 2}, {currency{578}, "nok", 2}, {currency{524}, "npr", 2},
    {currency{554}, "nzd", 2}, {currency{512}, "omr", 3}, {currency{590}, "pab", 2}, {currency{604}, "pen", 2},
    {currency{598}, "pgk", 2}, {currency{608}, "php", 2}, {currency{586}, "pkr", 2}, {currency{985}, "pln", 2},
    {currency{600}, "pyg", 0}, {currency{634}, "qar", 2}, {currency{946}, "ron", 2}, {currency{941}, "rsd", 2},
    {currency{643}, "rub", 2}, {currency{646}, "rwf", 0}, {currency{682}, "sar", 2}, {currency{90}, "sbd", 2},
    {currency{690}, "scr", 2}, {currency{938}, "sdg", 2}, {currency{752}, "sek", 2}, {currency{702}, "sgd", 2},
    {currency{654}, "shp", 2}, {currency{925}, "sle", 2}, {currency{706}, "sos", 2}, {currency{968}, "srd", 2},
    {currency{728}, "ssp", 2}, {currency{930}, "stn", 2}, {currency{222}, "svc", 2}, {currency{760}, "syp", 2},
    {currency{748}, "szl", 2}, {currency{764}, "thb", 2}, {currency{972}, "tjs", 2}, {currency{934}, "tmt", 2},
    {currency{788}, "tnd", 3}, {currency{776}, "top", 2}, {currency{949}, "try", 2}, {currency{780}, "ttd", 2},
    {currency{901}, "twd", 2}, {currency{834}, "tzs", 2}, {currency{980}, "uah", 2}, {currency{800}, "ugx", 0},
    {currency{840}, "usd", 2}, {currency{997}, "usn", 2}, {currency{940}, "uyi", 0}, {currency{858}, "uyu", 2},
    {currency{927}, "uyw", 4}, {currency{860}, "uzs", 2}, {currency{926}, "ved", 2}, {currency{928}, "ves", 2},
    {currency{704}, "vnd", 0}, {currency{548}, "vuv", 0}, {currency{882}, "wst", 2}, {currency{396}, "xad", 2},
    {currency{950}, "xaf", 0}, {currency{951}, "xcd", 2}, {currency{532}, "xcg", 2}, {currency{952}, "xof", 0},
    {currency{953}, "xpf", 0}, {currency{886}, "yer", 2}, {currency{710}, "zar", 2}, {currency{967}, "zmw", 2},
    {currency{924}, "zwg", 2},
    // clang-format on
});

constexpr std::size_t count = by_name.size();

constexpr bool in_order(const auto& list, auto member) {
  for (std::size_t i = 1; i < list.size(); ++i)
    if (!(list[i - 1].*member < list[i].*member)) return false;
  return true;
}

constexpr bool well_formed(const currency_info& info) {
  const auto lower = [](char letter) { return letter >= 'a' && letter <= 'z'; };
  const auto code = static_cast<unsigned>(info.code);
  return info.name.size() == 3 && std::all_of(info.name.begin(), info.name.end(), lower) && code > 0 && code < 1000 &&
         (info.exponent == 0 || (info.exponent >= 2 && info.exponent <= 4));
}

constexpr auto by_code = [] {
  auto sorted = by_name;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.code < b.code; });
  return sorted;
}();

// Strictly ascending is both sorted and unique.
static_assert(count == 165);
static_assert(in_order(by_name, &currency_info::name));
static_assert(in_order(by_code, &currency_info::code));
static_assert(std::all_of(by_name.begin(), by_name.end(), well_formed));

}  // namespace

std::span<const currency_info> currencies() noexcept { return by_name; }

std::optional<currency> parse_currency(std::string_view lower_case_name) noexcept {
  const auto found = std::lower_bound(by_name.begin(), by_name.end(), lower_case_name,
                                      [](const auto& info, std::string_view name) { return info.name < name; });
  if (found == by_name.end() || found->name != lower_case_name) return std::nullopt;
  return found->code;
}

std::optional<currency> currency_of(std::uint32_t iso_number) noexcept {
  const auto found = std::lower_bound(
      by_code.begin(), by_code.end(), iso_number,
      [](const auto& info, std::uint32_t wanted) { return static_cast<std::uint32_t>(info.code) < wanted; });
  if (found == by_code.end() || static_cast<std::uint32_t>(found->code) != iso_number) return std::nullopt;
  return found->code;
}

const currency_info& info_of(currency code) noexcept {
  const auto found = std::lower_bound(by_code.begin(), by_code.end(), code,
                                      [](const auto& info, currency wanted) { return info.code < wanted; });
  assert(found != by_code.end());
  assert(found->code == code);
  return *found;
}

}  // namespace novapay::domain
