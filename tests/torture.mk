# tests/torture.mk: the programs that break things on purpose, and what is too long for every change.
# Included by the Makefile.

# preloads: they replace file calls of a whole process, so they have no library of ours
$(B)/tests/%.so: tests/faults/%.c
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O1 -g -shared -fPIC -o $@ $< -ldl

FAULT_LIBS := $(B)/tests/faulty.so $(B)/tests/recorder.so $(B)/tests/starve.so

# a millrace whose own allocations can be made to fail
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=mmap,--wrap=strdup
$(B)/tests/millrace_mem: $(OBJ) $(B)/tests/faults/memfail_wrap.o
	$(call say,cc)
	$(Q)$(MPICC) $(ALLCFLAGS) $(WRAP) -o $@ $^ $(LIBS)

FAULT_LIBS += $(B)/tests/millrace_mem
## faults: only the tests that break system calls, processes and files
faults: all $(FAULT_LIBS)
	@B=$(B) $(PYTHON) tests/run_tests.py --e2e tests/faults
faultlibs: $(FAULT_LIBS)
unitbin: faultlibs

.PHONY: faults faultlibs

## fuzz: libFuzzer on one of our parsers: make fuzz T=config SECONDS=60; T: see tests/fuzz/*.c
T ?= config
SECONDS_ = $(or $(SECONDS),10)
FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_MAKE = $(MAKE) --no-print-directory -j$(JOBS) B=build/fuzz CFLAGS="-O1 -g" \
  MPICC="env OMPI_CC=clang MPICH_CC=clang $(MPICC)" \
  EXTRA="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
fuzz: all
	@$(FUZZ_MAKE) build/fuzz/fuzz_$(T)
	@mkdir -p build/fuzz/found build/fuzz/corpus/$(T)
	@$(PYTHON) tests/fuzz/seeds.py build/fuzz/seeds $(B)/millrace
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 build/fuzz/fuzz_$(T) -max_total_time=$(SECONDS_) \
	  -timeout=1 -max_len=8192 -rss_limit_mb=2048 -print_final_stats=1 \
	  -artifact_prefix=build/fuzz/found/$(T)- build/fuzz/corpus/$(T) build/fuzz/seeds/$(T)
fuzzbin:
	@$(FUZZ_MAKE) $(FUZZ:%=build/fuzz/fuzz_%)
$(B)/fuzz_%: tests/fuzz/%.c $(B)/libmillrace.a
	$(call say,fuzz)
	$(Q)$(MPICC) $(ALLCFLAGS) -fsanitize=fuzzer -o $@ $< $(B)/libmillrace.a $(LIBS)
.PHONY: fuzz fuzzbin

## asan-runs, tsan-runs, valgrind: whole runs over ranks and threads under a checker (QUICK=1: fewer)
CHECKED = QUICK=$(QUICK) $(PYTHON) tests/tools/checked_runs.py
ASAN_MAKE = $(SUB) -j$(JOBS) B=build/asan CFLAGS="-O1 -g -fno-omit-frame-pointer" \
  EXTRA="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
asan-runs: all
	$(ASAN_MAKE) all
	$(CHECKED) asan build/asan/millrace $(B)/millrace
## asan-memory: allocations of ours fail under AddressSanitizer and LeakSanitizer, every 16th
asan-memory:
	$(ASAN_MAKE) all faultlibs
	@LSAN_OPTIONS=suppressions=$(CURDIR)/tests/tools/lsan.supp:print_suppressions=0:exitcode=66 \
	  ASAN_OPTIONS=fast_unwind_on_malloc=0:exitcode=66 UBSAN_OPTIONS=exitcode=66 MILLRACE_FAULT_STEP=16 \
	  B=build/asan $(PYTHON) tests/run_tests.py --e2e tests/faults/test_memory.py
tsan-runs: all
	$(SUB) -j$(JOBS) B=build/tsan CFLAGS="-O1 -g" MPICC="env OMPI_CC=clang MPICH_CC=clang $(MPICC)" \
	  EXTRA="-fsanitize=thread -DMR_CLONES=" all
	$(CHECKED) tsan build/tsan/millrace $(B)/millrace
valgrind: all
	$(SUB) -j$(JOBS) B=build/valgrind CFLAGS="-O1 -g" all
	$(CHECKED) valgrind build/valgrind/millrace $(B)/millrace
.PHONY: asan-runs asan-memory tsan-runs valgrind

## coverage: lines of src/ that unit tests and a sample of whole runs reach; below 90 % is a failure
COVER := build/coverage
COVER_MAKE = $(SUB) -j$(JOBS) B=$(COVER) CFLAGS="-O1 -g --coverage"
COVER_LINK = MORE_LIBS="$(COVER)/tests/tools/coverage.o -Wl,--wrap=_exit,--wrap=setrlimit,--wrap=mr_probe_file_here -Wl,--undefined=mr_probe_file_here"
COVERED ?= tests/e2e tests/ops tests/faults --ignore tests/e2e/test_memory.py --ignore tests/faults/test_memory.py
# counts are not atomic: what matters is whether they are above zero. test_zygote sees to it that workers
# can write no file, which here they must.
coverage: coverbin
	@find $(COVER) -name '*.gcda' -delete
	-@SKIP=test_zygote B=$(COVER) $(PYTHON) tests/run_tests.py $(COVERED)
	@$(PYTHON) tests/tools/coverage.py $(COVER)
coverbin:
	$(COVER_MAKE) $(COVER)/tests/tools/coverage.o
	$(COVER_MAKE) $(COVER_LINK) all unitbin $(patsubst $(B)/%,$(COVER)/%,$(FAULT_LIBS))
.PHONY: coverage coverbin

## torture: all of this in full, in pieces of minutes, and the figures reached (hours); PART=kills: one part
# tests/README.md says what the parts are
torture:
	@$(OPTIONAL) MPICC="$(MPICC)" HDF5_DIR="$(HDF5_DIR)" tests/tools/deps.sh torture
	$(SUB) -j$(JOBS) all faultlibs
	@MAKEFLAGS= $(PYTHON) tests/tools/torture.py $(PART); status=$$?; \
	  $(PYTHON) tests/tools/figures.py build/torture.tsv && exit $$status
.PHONY: torture
