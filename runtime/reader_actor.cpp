#include "runtime/reader_actor.hpp"

#include <exception>
#include <utility>

namespace novapay::runtime {
namespace {

using reader = caf::stateful_actor<reader_state>;

void flush_loads(reader* self) {
  auto asked = std::exchange(self->state.loads, {});
  if (asked.empty()) return;
  std::vector<entity_id> ids;
  ids.reserve(asked.size());
  for (const auto& one : asked) ids.push_back(one.id);
  auto read = self->state.log->load(ids);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    load_done done{asked[i].id, asked[i].epoch, !read.value, std::nullopt, read.detail};
    if (read.value) done.row = std::move((*read.value)[i]);
    self->anon_send(asked[i].from, std::move(done));
  }
}

void flush_keys(reader* self) {
  auto asked = std::exchange(self->state.keys, {});
  if (asked.empty()) return;
  std::vector<creation_key> keys;
  keys.reserve(asked.size());
  for (const auto& one : asked) keys.push_back(one.key);
  auto read = self->state.log->find_keys(keys);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    key_done done{std::move(asked[i].key), asked[i].epoch, !read.value, std::nullopt, read.detail};
    if (read.value) done.found = (*read.value)[i];
    self->anon_send(asked[i].from, std::move(done));
  }
}

void flush(reader* self) {
  self->state.flush_scheduled = false;
  flush_keys(self);
  flush_loads(self);
}

void schedule(reader* self) {
  auto& mine = self->state;
  if (mine.loads.size() + mine.keys.size() >= batch_reads_max) {
    flush(self);
  } else if (!mine.flush_scheduled) {
    mine.flush_scheduled = true;
    self->send(self, flush_atom::value);
  }
}

}  // namespace

caf::behavior reader_actor(reader* self, shared_context shared, std::shared_ptr<journal_store> store) {
  self->state.log = store->open();
  self->set_default_handler(caf::drop);
  return {
      [self](load_request& asked) {
        self->state.loads.push_back(std::move(asked));
        schedule(self);
      },
      [self](key_request& asked) {
        self->state.keys.push_back(std::move(asked));
        schedule(self);
      },
      [self](flush_atom) { flush(self); },
      [self, shared](const read_request& asked) {
        try {
          asked.run(*self->state.log);
        } catch (const std::exception& thrown) {  // who waits is answered by the end of the request's responder
          shared->logger.write(log_level::error, "a read failed", {{"detail", thrown.what()}});
        }
      },
  };
}

}  // namespace novapay::runtime
