# tests/torture.mk: the programs that break things on purpose, and what is too long for every change.
# Included by the Makefile.

# preloads: they replace file calls of a whole process, so they have no library of ours
$(B)/tests/%.so: tests/faults/%.c
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O1 -g -shared -fPIC -o $@ $< -ldl

FAULT_LIBS := $(patsubst tests/faults/%.c,$(B)/tests/%.so,$(sort $(wildcard tests/faults/*.c)))
## faults: only the tests that break system calls, processes and files
faults: all $(FAULT_LIBS)
	@B=$(B) $(PYTHON) tests/run_tests.py --e2e tests/faults
faultlibs: $(FAULT_LIBS)
unitbin: faultlibs

.PHONY: faults faultlibs
