# tests/torture.mk: the programs that break things on purpose, and what is too long for every change.
# Included by the Makefile.

# preloads: they replace file calls of a whole process, so they have no library of ours
$(B)/tests/%.so: tests/faults/%.c
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O1 -g -shared -fPIC -o $@ $< -ldl

FAULT_LIBS := $(B)/tests/faulty.so $(B)/tests/recorder.so

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
