# Every target is one command with one line of help: `make` prints them.

CARGO ?= cargo
LOCKED := --locked
# The pages are for those who work on the code, so that a link to a private item leads somewhere.
DOC_LINTS := -D warnings -A rustdoc::private_intra_doc_links

.DEFAULT_GOAL := help
.PHONY: help run test lab matrix grid calls chaos soak month fleet api fuzz mutants coverage check audit size bench guide golden deb deb-test fmt clean tools

# How long each target is fuzzed, s.
SECONDS ?= 60
# How many requests schemathesis draws for each path.
EXAMPLES ?= 30
# How often the lab makes each of its faults.
ROUNDS ?= 1
# How long the daemon is soaked in each ring, min.
MINUTES ?= 30

help: ## print this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: tools ## install what is missing, build, start the daemon in the foreground; it says where to look
	@scripts/install-debian.sh build run
	$(CARGO) build --release $(LOCKED)
	$(CARGO) run --release $(LOCKED) --quiet -- run

test: tools ## install what the tests need, check, then run all tests
	@scripts/install-debian.sh build run test
	@scripts/axe-core.sh
	@$(MAKE) --no-print-directory check
	@# All at once: one crate alone keeps half of the processors idle.
	$(CARGO) test $(LOCKED) --no-run --lib --bins --examples --test '*'
	$(CARGO) test $(LOCKED) --no-fail-fast --doc
	@CARGO='$(CARGO)' scripts/test.sh

lab: tools ## the tests with real cameras, sound cards and lines in a guest machine, alone
	@scripts/install-debian.sh build run lab
	$(CARGO) test $(LOCKED) --test lab

matrix: tools ## every fault that the lab can make, idle and in use; writes the table in README (ROUNDS=4 for hundreds, in an order drawn by SIAGA_SEED)
	@scripts/install-debian.sh build run lab
	SIAGA_MATRIX=write SIAGA_ROUNDS=$(ROUNDS) $(CARGO) test $(LOCKED) --test lab each_fault -- --nocapture

grid: tools ## the call-like test over more than sixty bad lines; its table goes to target/grid/
	@scripts/install-debian.sh build run test
	$(CARGO) test $(LOCKED) --test real -- --ignored --exact stamp::grid::sixty_lines

calls: tools ## real calls over a dozen bad lines beside the verdict on each, and with Siaga watching; writes target/bench/
	@scripts/install-debian.sh build run test
	$(CARGO) test $(LOCKED) --test real -- --ignored --exact call::comparison::a_dozen_lines

chaos: tools ## 12 000 faults against the judge in virtual time, then 500 kills of the daemon in a storm and 100 of a keyed radio (SIAGA_SEED draws the same again); half an hour
	@scripts/install-debian.sh build run test
	$(CARGO) test $(LOCKED) --test campaign -- --ignored --nocapture
	$(CARGO) test $(LOCKED) --test real -- --ignored --nocapture --exact chaos::five_hundred_kills_at_random_moments_lose_nothing
	$(CARGO) test $(LOCKED) --test real -- --ignored --nocapture --exact radio::on_air::whoever_is_killed_a_hundred_times_leaves_no_key_down

soak: tools ## an hour under faults without a pause, half of it in the lab's guests: each seen and over, nothing grows (MINUTES=60 for each half longer); writes target/soak/
	@scripts/install-debian.sh build run test lab
	SIAGA_MINUTES=$(MINUTES) $(CARGO) test $(LOCKED) --test real -- --ignored --nocapture --exact soak::half_an_hour_of_faults_leaves_it_as_it_was
	SIAGA_MINUTES=$(MINUTES) $(CARGO) test $(LOCKED) --test lab -- --ignored --nocapture --test-threads 1 matrix::soak::

fleet: tools ## five hundred rooms for one Prometheus (SIAGA_ROOMS, SIAGA_SCRAPES for more); writes target/bench/
	@scripts/install-debian.sh build run test
	$(CARGO) test $(LOCKED) --test real -- --ignored --nocapture --exact prometheus::fleet::so_many_rooms_for_one_prometheus

api: tools ## a real daemon held to its own OpenAPI by schemathesis, which wants PyPI the first time (EXAMPLES=200 for more)
	@scripts/install-debian.sh build run api
	$(CARGO) build $(LOCKED)
	scripts/schemathesis.sh $(EXAMPLES)

fuzz: tools ## what strangers can send, a minute each (SECONDS=600 for longer); the corpus stays in the cache folder (SIAGA_CORPORA=write: what leads furthest goes to fuzz/corpora/)
	@scripts/install-debian.sh build run fuzz
	scripts/fuzz.sh $(SECONDS)

mutants: tools ## change the judge and the readers one sign at a time and see whether their tests notice (FILES="engine/hold.rs probe/stun/codec.rs"); hours
	scripts/mutants.sh $(FILES)

month: tools ## simulate a month and write into README what people would have heard of it
	SIAGA_MONTH=write $(CARGO) test $(LOCKED) --test month

coverage: tools ## how much of the code the tests without machines run, by folder (wants rustup's llvm-tools)
	scripts/coverage.sh

check: tools ## format, lints and documentation, without a warning
	$(CARGO) fmt --all --check
	@# The kinds of probes are declared by a macro, behind which cargo fmt does not look.
	rustfmt --check --edition 2024 $$(find src/probe -name '*.rs')
	$(CARGO) clippy --all-targets $(LOCKED) -- -D warnings
	RUSTDOCFLAGS="$(DOC_LINTS)" $(CARGO) doc --no-deps --document-private-items $(LOCKED)

audit: tools ## licences, bans and sources of every dependency, and known vulnerabilities where their database is reached
	@$(CARGO) deny --version 2>/dev/null || $(CARGO) install $(LOCKED) cargo-deny
	$(CARGO) deny $(LOCKED) check bans licenses sources
	@# The database of known vulnerabilities is on the internet; where that is not reached nothing is known of them, and that is said.
	@if $(CARGO) deny fetch db >/dev/null 2>&1; then $(CARGO) deny $(LOCKED) check advisories; else \
		echo "audit: the database of known vulnerabilities is not reached: they were NOT looked up" >&2; fi

size: tools ## how long a clean release build takes, how large the program is, and whose code it has
	@scripts/install-debian.sh build
	scripts/size.sh

bench: tools ## measure side by side with Debian's own packages; writes target/bench/
	@scripts/install-debian.sh build run bench lab
	$(CARGO) bench $(LOCKED) --bench peers
	SIAGA_MATRIX=times $(CARGO) test $(LOCKED) --test lab -- --nocapture each_fault

deb: tools ## build the Debian package, with manual pages, completions and a list of its parts; it goes to target/deb/
	@scripts/install-debian.sh build deb
	scripts/deb.sh
	lintian --fail-on error,warning --tag-display-limit 0 "$${CARGO_TARGET_DIR:-target}"/deb/siaga_*.deb

deb-test: tools ## install, upgrade, remove and purge the package, in a copy of this system and under the lab's systemd
	@scripts/install-debian.sh build run deb package lab
	$(CARGO) test $(LOCKED) --test package -- --ignored
	$(CARGO) test $(LOCKED) --test lab -- --ignored package

guide: tools ## write the pictures and the list of reasons of the operators' guide (docs/)
	@scripts/install-debian.sh build run test
	SIAGA_GUIDE=write $(CARGO) test $(LOCKED) --test real -- --exact guide::the_pictures_of_the_guide_are_of_pages_that_there_are
	SIAGA_GUIDE=write $(CARGO) test $(LOCKED) --test readme -- --exact guide::the_page_of_all_reasons_is_the_catalogue
	$(CARGO) test $(LOCKED) --test readme guide::

golden: tools ## write anew what tests compare with (after a change of config, pages, reports, metrics or API): read the difference before it is committed
	@scripts/install-debian.sh build run test
	SIAGA_GOLDEN=write $(CARGO) test $(LOCKED) --lib -- config:: report::
	SIAGA_GOLDEN=write $(CARGO) test $(LOCKED) --test real -- answers::page the_description_is_served the_exposition_of_a_troubled_room
	SIAGA_GUIDE=write $(CARGO) test $(LOCKED) --test readme -- --exact guide::the_page_of_all_reasons_is_the_catalogue

fmt: tools ## format the code
	$(CARGO) fmt --all
	rustfmt --edition 2024 $$(find src/probe -name '*.rs')

clean: ## remove what was built
	$(CARGO) clean

tools:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: see https://rustup.rs" >&2; exit 1; }
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 || rustup component add rustfmt clippy
