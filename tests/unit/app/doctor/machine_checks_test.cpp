#include "app/doctor/machine_checks.h"

#include <filesystem>
#include <string>

#include "../../tls/tls_fixture.h"
#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

MachineView good() {
  MachineView view;
  view.store = "/x/calls.db";
  view.folder = "/x";
  view.free_bytes = std::uint64_t{50} << 30;
  view.descriptors = 1'000'000;
  return view;
}

Finding store_of(const MachineView& view, const config::Config& config = {}) {
  const auto findings = judge_machine(view, config);
  REQUIRE(findings.size() == 2);
  return findings.front();
}

}  // namespace

TEST_CASE("a store in order, there already or not") {
  CHECK(store_of(good()).state == State::ok);
  MachineView view = good();
  view.error = Error{ErrorCode::not_found, Fault::proxy, "none"};
  CHECK(store_of(view).state == State::ok);
  CHECK(store_of(view).detail.find("first start") != std::string::npos);
  view.store.reset();
  CHECK(store_of(view).state == State::look);
}

TEST_CASE("a store that cannot be written or read is mended") {
  MachineView view = good();
  view.writable = false;
  CHECK(store_of(view).id == "store.folder");
  CHECK(store_of(view).state == State::mend);
  view = good();
  view.file_writable = false;
  CHECK(store_of(view).id == "store.file");
  view = good();
  view.in_the_way = "/x";
  CHECK(store_of(view).remedy == "mv /x /x.aside");
  view = good();
  view.error = Error{ErrorCode::store_failed, Fault::proxy, "/x/calls.db is no database"};
  CHECK(store_of(view).detail == "/x/calls.db is no database");
  CHECK(store_of(view).remedy == "mv /x/calls.db /x/calls.db.aside");
}

TEST_CASE("space: what the store may still grow by") {
  MachineView view = good();
  view.free_bytes = std::uint64_t{1} << 30;
  CHECK(store_of(view).id == "store.space");
  CHECK(store_of(view).state == State::look);
  view.store_bytes = std::uint64_t{3} << 29;  // 1.5 GiB of 2 GiB are taken already
  CHECK(store_of(view).state == State::ok);
  config::Config config;
  config.record.keep_max_bytes = 0;
  CHECK(store_of(view, config).state == State::ok);
  view.free_bytes = 1000;
  CHECK(store_of(view, config).detail.find("without limit") != std::string::npos);
}

TEST_CASE("descriptors: two a connection") {
  const auto descriptors = [](std::optional<std::uint64_t> most) {
    MachineView view = good();
    view.descriptors = most;
    return judge_machine(view, {}).back();
  };
  CHECK(descriptors(std::nullopt).state == State::ok);
  CHECK(descriptors(50'000).state == State::ok);
  CHECK(descriptors(40'000).state == State::look);
  CHECK(descriptors(1024).remedy == "ulimit -Hn 40064");
}

TEST_CASE("what lies on disk is seen") {
  const fixture::TempFolder folder;
  config::Config config;
  config.record.store = folder / "deep/er/calls.db";
  MachineView view = view_machine(config);
  CHECK(view.folder == folder.path());
  CHECK(view.in_the_way.empty());
  REQUIRE(view.error);
  CHECK(view.error->code == ErrorCode::not_found);
  CHECK(view.free_bytes.value_or(0) > 0);

  fixture::write(folder / "deep", "a file");
  CHECK(view_machine(config).in_the_way == folder / "deep");

  config.record.store = folder / "calls.db";
  fixture::write(folder / "calls.db", std::string(5000, 'x'));
  view = view_machine(config);
  REQUIRE(view.error);
  CHECK(view.error->code != ErrorCode::not_found);
  CHECK(view.store_bytes == 5000);
}
