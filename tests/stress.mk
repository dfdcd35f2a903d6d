# tests/stress.mk: par/ under ThreadSanitizer, and the lane server's speed. Needs clang for tsan-par.
#   make -f tests/stress.mk tsan-par        or included by the Makefile
B ?= build
MPICC ?= mpicc
PAR_SRC := $(wildcard src/par/*.c src/base/*.c)
PAR_FLAGS := -std=c17 -D_GNU_SOURCE -pthread -g -Isrc -Wall -Wextra
PAR_ENV := OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
           TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1"
PAR_MPIRUN := mpirun --oversubscribe --bind-to none --timeout 120

## tsan-par: threads and the lane server under ThreadSanitizer, alone and on 1 to 3 ranks
tsan-par: $(B)/par_stress_tsan
	$(PAR_ENV) $<
	for n in 1 2 3; do $(PAR_ENV) $(PAR_MPIRUN) -n $$n $< || exit 1; done

$(B)/par_stress_tsan: tests/stress/par_stress.c $(PAR_SRC) $(wildcard src/par/*.h src/base/*.h)
	@mkdir -p $(@D)
	OMPI_CC=clang MPICH_CC=clang $(MPICC) $(PAR_FLAGS) -O1 -fsanitize=thread -o $@ \
	  tests/stress/par_stress.c $(PAR_SRC) -lm

## bench-server: lane claims per second, and what an idle server costs
bench-server: $(B)/bench_server
	for n in 1 2 4; do $(PAR_ENV) $(PAR_MPIRUN) -n $$n $< 2 || exit 1; done

$(B)/bench_server: tests/bench/bench_server.c $(PAR_SRC) $(wildcard src/par/*.h src/base/*.h)
	@mkdir -p $(@D)
	$(MPICC) $(PAR_FLAGS) -O2 -o $@ tests/bench/bench_server.c $(PAR_SRC) -lm

.PHONY: tsan-par bench-server
