# millrace: make help lists the targets. Nothing is asked of the system before a recipe runs, so that
# make demo and make test work where neither compiler nor pkg-config is installed yet.
SHELL := /bin/bash
B ?= build
MPICC ?= mpicc
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
PREFIX ?= /usr/local
JOBS ?= $(call once,JOBS,nproc 2>/dev/null || echo 2)

# optional libraries: make CAIRO=0 draws pictures as PNG with plain letters only, PNG=0 beside it leaves
# them out, DEFLATE=0 uses zlib to compress and inflate
CAIRO ?= 1
PNG ?= 1
DEFLATE ?= 1
# UV=0 or SODIUM=0: no stop, pause, resume and watch from outside
UV ?= 1
SODIUM ?= 1
# HTTP=0: no live page. The library is loaded when a run is started with --live
HTTP ?= 1
CFLAGS ?= -O3 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wvla
CSTD := -std=c17 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fopenmp -pthread
PKGS := yaml-0.1 jansson zlib
ifeq ($(PNG),1)
PKGS += libpng
CSTD += -DMR_PNG=1
endif
ifeq ($(CAIRO),1)
CSTD += -DMR_CAIRO=1
CAIRO_CFLAGS = $(call once,CAIRO_CFLAGS,pkg-config --cflags cairo)
endif
ifeq ($(DEFLATE),1)
PKGS += libdeflate
CSTD += -DMR_LIBDEFLATE=1
endif
ifeq ($(UV),1)
PKGS += libuv
CSTD += -DMR_UV=1
endif
ifeq ($(SODIUM),1)
PKGS += libsodium
CSTD += -DMR_SODIUM=1
endif

OPTIONAL = CAIRO=$(CAIRO) PNG=$(PNG) DEFLATE=$(DEFLATE) UV=$(UV) SODIUM=$(SODIUM) HTTP=$(HTTP)

ifeq ($(HTTP),1)
CSTD += -DMR_HTTP=1
endif

# $(call once,NAME,COMMAND): the command's output, asked for at the first use of NAME and kept
once = $(eval $(1) := $(shell $(2)))$($(1))

# HDF5: HDF5_DIR=/prefix, else pkg-config (hdf5-serial on Debian), else what the compiler finds. The program
# takes the archive where there is one: it starts in half the time. HDF5_SHARED=1 says no, and so do the
# builds for checkers, which know libhdf5's frames by its file
ifneq ($(HDF5_DIR),)
HCFLAGS := -I$(HDF5_DIR)/include
else
HDF5_PC ?= $(call once,HDF5_PC,for p in hdf5-serial hdf5; do \
             pkg-config --exists $$p && echo $$p && break; done)
HCFLAGS = $(call once,HCFLAGS,test -z "$(HDF5_PC)" || pkg-config --cflags $(HDF5_PC))
endif
HLIBS = $(call once,HLIBS,HDF5_SHARED=1 tests/tools/hdf5_libs.sh "$(MPICC)" $(HDF5_DIR))
HDF5_SHARED ?= $(filter-out build,$(B))
HARCHIVE = $(call once,HARCHIVE,HDF5_SHARED=$(HDF5_SHARED) tests/tools/hdf5_libs.sh "$(MPICC)" $(HDF5_DIR))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags $(PKGS))
PKG_LIBS = $(call once,PKG_LIBS,pkg-config --libs $(PKGS))
ALLCFLAGS = $(CSTD) $(WARN) $(CFLAGS) $(EXTRA) -Isrc $(HCFLAGS) $(PKG_CFLAGS) $(CAIRO_CFLAGS)
MORE = $(PKG_LIBS) -lxxhash -lm -ldl $(MORE_LIBS)
LIBS = $(HLIBS) $(MORE)

SRC := $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
LIBOBJ := $(filter-out $(B)/src/main.o,$(OBJ))
UNIT := $(sort $(wildcard tests/unit/*.c))
UNITBIN := $(UNIT:tests/unit/%.c=$(B)/tests/%)
SUB := @$(MAKE) --no-print-directory

.DEFAULT_GOAL := all

## all: build build/millrace (the default)
all: $(B)/millrace

## deps: install what is missing (root on Debian), else say what is missing and how to get it
deps:
	@$(OPTIONAL) MPICC="$(MPICC)" HDF5_DIR="$(HDF5_DIR)" tests/tools/deps.sh all

## demo: everything from nothing: set up, build, make an archive, run, verify, show
demo:
	@$(OPTIONAL) MPICC="$(MPICC)" HDF5_DIR="$(HDF5_DIR)" tests/tools/deps.sh build
	$(SUB) -j$(JOBS) all
	@MILLRACE=$(B)/millrace tests/tools/demo.sh

## test: set up, build, all unit and end-to-end tests
test: deps
	$(SUB) -j$(JOBS) all unitbin
	@B=$(B) $(PYTHON) tests/run_tests.py

## unit: only the unit tests; make build/tests/test_x builds one
unit: unitbin
	@B=$(B) $(PYTHON) tests/run_tests.py --unit
unitbin: $(UNITBIN)

## e2e: only the tests of whole runs
e2e: all
	@B=$(B) $(PYTHON) tests/run_tests.py --e2e

## check: format, arrows between rooms, sizes, warnings of gcc and clang as errors, cppcheck
check:
	@JOBS=$(JOBS) MPICC="$(MPICC)" PYTHON=$(PYTHON) tests/check/run.sh

## bench: beside numpy, scipy, dask and the machine's limits; W=decimate: one row; QUICK=1: a try; S=20 GB=12: how long
bench: all
	@tests/bench/setup.sh
	@MILLRACE=$(abspath $(B)/millrace) $(PYTHON) tests/bench/run.py $(if $(W),W=$(W)) \
	  $(if $(QUICK),--quick) $(if $(REPS),--reps $(REPS)) $(if $(S),--seconds $(S)) \
	  $(if $(GB),--gb $(GB)) $(if $(PEERS),--peers $(PEERS))

## bench-growth: 1, 10 and 100 GB, files of their own where the disk has room: cost and memory
bench-growth: all
	@MILLRACE=$(abspath $(B)/millrace) $(PYTHON) tests/bench/growth.py $(GB)

## bench-scaling: a second core, as threads and as ranks; reading behind computing; W=decimate: one row
bench-scaling: all
	@MILLRACE=$(abspath $(B)/millrace) $(PYTHON) tests/bench/scaling.py $(if $(W),W=$(W)) $(FILES)

## bench-survey: 40,000 small files: how soon a run reads, afresh and from the survey kept
bench-survey: all
	@MILLRACE=$(abspath $(B)/millrace) $(PYTHON) tests/bench/survey.py $(FILES)

## bench-watched: W=live or W=attack: a run that is watched, or that strangers call, beside one left alone
bench-watched: all
	@MILLRACE=$(abspath $(B)/millrace) $(PYTHON) tests/bench/disturbed.py $(or $(W),live) $(if $(PAIRS),--pairs $(PAIRS))

## asan: unit tests under AddressSanitizer and UBSan
asan:
	$(SUB) -j$(JOBS) B=build/asan CFLAGS="-O1 -g -fno-omit-frame-pointer" \
	  EXTRA="-fsanitize=address,undefined -fno-sanitize-recover=undefined" all unitbin
	@LSAN_OPTIONS=suppressions=$(CURDIR)/tests/tools/lsan.supp:print_suppressions=0 \
	  ASAN_OPTIONS=fast_unwind_on_malloc=0 B=build/asan $(PYTHON) tests/run_tests.py --unit

## tsan: unit tests, the stress of par/ and a run under ThreadSanitizer (clang, whose OpenMP it knows)
# MR_CLONES picks its function before ThreadSanitizer is awake; forking with threads and the
# messages of misused locks (test_zygote, test_mutex) are what ThreadSanitizer itself forbids;
# test_every_op has one thread and would take many minutes
tsan: all
	$(SUB) -j$(JOBS) B=build/tsan CFLAGS="-O1 -g" MPICC="env OMPI_CC=clang MPICH_CC=clang $(MPICC)" \
	  EXTRA="-fsanitize=thread -DMR_CLONES=" all unitbin
	@SKIP="test_zygote test_mutex test_every_op" TSAN_OPTIONS=ignore_noninstrumented_modules=1 B=build/tsan \
	  $(PYTHON) tests/run_tests.py --unit
	$(SUB) tsan-par
	@d=$$(mktemp -d) && build/millrace synth $$d/in --files 2 --file-length 20s --channels 64 --quiet && \
	  sed "s,data/demo,$$d/in,; s,out/demo,$$d/out," configs/decimate.yaml > $$d/c.yaml && \
	  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=2 \
	  TSAN_OPTIONS="ignore_noninstrumented_modules=1 exitcode=66" \
	  mpirun --oversubscribe --bind-to none -n 2 build/tsan/millrace run $$d/c.yaml && rm -r $$d

## install: PREFIX=/usr/local, DESTDIR= for packagers
install: all $(B)/libmillrace.a
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/share/millrace
	install -m 755 $(B)/millrace $(DESTDIR)$(PREFIX)/bin/millrace
	install -m 644 $(B)/libmillrace.a $(DESTDIR)$(PREFIX)/lib/libmillrace.a
	install -d $(DESTDIR)$(PREFIX)/include/millrace $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 src/millrace/*.h $(DESTDIR)$(PREFIX)/include/millrace
	@sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBS@|$(LIBS)|' -e "s|@VERSION@|$$(sed -n \
	  's/#define MR_VERSION "\(.*\)"/\1/p' src/millrace/base.h)|" \
	  src/millrace/millrace.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/millrace.pc
	@for d in configs jobs; do [ ! -d $$d ] || cp -r $$d $(DESTDIR)$(PREFIX)/share/millrace/; done

## clean: remove what was built and what the demo made
clean:
	rm -rf build $(B) data/demo out/demo out/demo.png out/demo.log

## help: this list
help:
	@sed -n 's/^## /  make /p' $(wildcard Makefile tests/*.mk)
	@echo "settings: MPICC=mpicc HDF5_DIR=/prefix HDF5_SHARED=1 CAIRO=0 PNG=0 DEFLATE=0 UV=0 SODIUM=0 HTTP=0 CFLAGS=\"-O3 -g\" PREFIX= JOBS= V=1"

# one line a file; make V=1 shows whole commands
ifneq ($(V),1)
Q := @
say = @echo "  $(1) $(patsubst $(CURDIR)/%,%,$@)"
endif

# what plug-ins may call of the program that loads them
EXPORTS := -Wl,--dynamic-list=src/exports.list

$(B)/millrace: $(OBJ) src/exports.list
	$(call say,link)
	$(Q)$(MPICC) $(ALLCFLAGS) $(EXPORTS) -o $@ $(OBJ) $(HARCHIVE) $(MORE)

# compiled anew when the flags change
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(MPICC) $(ALLCFLAGS) $(LIBS)' | cmp -s - $@ || echo '$(MPICC) $(ALLCFLAGS) $(LIBS)' > $@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(MPICC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(B)/libmillrace.a: $(LIBOBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/tests/%: tests/unit/%.c $(B)/libmillrace.a
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(MPICC) $(ALLCFLAGS) -MMD -MP -o $@ $< $(B)/libmillrace.a $(LIBS) -lcmocka

$(B)/tests/%: tests/ops/%.c $(B)/libmillrace.a
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(MPICC) $(ALLCFLAGS) -MMD -MP -o $@ $< $(B)/libmillrace.a $(LIBS)

-include tests/*.mk
-include $(OBJ:.o=.d) $(UNITBIN:=.d) $(B)/tests/run_chain.d $(B)/tests/own_millrace.d
.PHONY: all deps demo test unit unitbin e2e check bench bench-growth bench-scaling bench-survey bench-watched asan tsan install clean help FORCE
