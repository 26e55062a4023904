// scan: the whole file read in order (runtime/journal_scan.hpp), over a connection of its own.
#pragma once

#include <memory>

#include "adapters/sqlite/settings.hpp"
#include "runtime/journal_scan.hpp"

namespace novapay::sqlite {

std::unique_ptr<runtime::journal_scan> open_scan(settings where);

}  // namespace novapay::sqlite
