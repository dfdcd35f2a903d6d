# millrace: make help lists the targets.
SHELL := /bin/bash
B ?= build
MPICC ?= mpicc
PYTHON ?= /usr/bin/python3
PKGS := yaml-0.1 jansson fftw3 fftw3f zlib
HDF5_PC ?= $(shell pkg-config --exists hdf5-serial && echo hdf5-serial || echo hdf5)

# optional libraries: make PNG=0 leaves pictures out, DEFLATE=0 uses zlib, XXHASH=0 is not offered
PNG ?= 1
DEFLATE ?= 1
CFLAGS ?= -O3 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wvla
CSTD := -std=c17 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fopenmp -pthread
ifeq ($(PNG),1)
PKGS += libpng
CSTD += -DMR_PNG=1
endif
ifeq ($(DEFLATE),1)
PKGS += libdeflate
CSTD += -DMR_LIBDEFLATE=1
endif
ifneq ($(HDF5_DIR),)
HCFLAGS := -I$(HDF5_DIR)/include
HLIBS := -L$(HDF5_DIR)/lib -Wl,-rpath,$(HDF5_DIR)/lib -lhdf5 -lhdf5_hl
else
HCFLAGS = $(shell pkg-config --cflags $(HDF5_PC))
HLIBS = $(shell pkg-config --libs $(HDF5_PC)) -lhdf5_serial_hl
endif
ALLCFLAGS = $(CSTD) $(WARN) $(CFLAGS) $(EXTRA) -Isrc $(HCFLAGS) $(shell pkg-config --cflags $(PKGS))
LIBS = $(HLIBS) $(shell pkg-config --libs $(PKGS)) -lxxhash -lm

SRC := $(sort $(wildcard src/*.c src/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
LIBOBJ := $(filter-out $(B)/src/main.o,$(OBJ))
UNIT := $(sort $(wildcard tests/unit/*.c))
UNITBIN := $(UNIT:tests/unit/%.c=$(B)/tests/%)

.DEFAULT_GOAL := all
all: $(B)/millrace

$(B)/millrace: $(OBJ)
	$(MPICC) $(ALLCFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(MPICC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(B)/libmillrace.a: $(LIBOBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/tests/%: tests/unit/%.c $(B)/libmillrace.a
	@mkdir -p $(@D)
	$(MPICC) $(ALLCFLAGS) -MMD -MP -o $@ $< $(B)/libmillrace.a $(LIBS) -lcmocka

unit: $(UNITBIN)
	@for t in $(UNITBIN); do echo "== $$t"; $$t || exit 1; done

clean:
	rm -rf $(B) out data/demo

-include $(OBJ:.o=.d) $(UNITBIN:=.d)
.PHONY: all unit clean
