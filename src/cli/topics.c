/* cli/topics.c: pages of help that belong to no single command: `millrace help config`, `units`,
 * `statuses`, `layouts`, `output`. The page on the config is itself a config that passes `check`.
 */
#include "cli/topics.h"
#include "in/input.h"
#include <stdio.h>
#include <string.h>

static void print_lines(const char *const *lines)
{
    for (; *lines; lines++) puts(*lines);
}

static void config(void)
{
    static const char *const lines[] = {
        "# A config is YAML. This page is one that works: millrace help config > my.yaml",
        "# Required: input.files and output.folder. What is commented out shows other settings.",
        "# Quantities need a unit (millrace help units); unknown keys are refused.",
        "input:",
        "  files: data/demo/*.h5           # a glob, a folder (with all below it), or a list",
        "                                  # or null:rate=500Hz,channels=1000,hours=1 (days,",
        "                                  # minutes; file=60s, type=float32): no files, noise,",
        "                                  # to time the pipe",
        "  # channels: 100..900            # half-open; 100..900:2 strides; {except: bad.csv}, the",
        "  #                               # table that quality writes; [3, 17, 100..200]:",
        "  #                               # a set, whatever its order: each channel once, upwards",
        "  # distance: 1.2..3.4 km         # instead of channels, by the file's own positions",
        "  # time: 2026-01-01              # that day; or 2026-01-01T12:00:00Z .. 2026-01-02,",
        "  #                               # either end may be left open; selects the output,",
        "  #                               # files outside give context only",
        "  # geometry: channels.csv        # header: channel, distance, latitude, longitude,",
        "  #                               # elevation; carried into every output file",
        "  # dataset: Raw[0]               # a name, or a glob, where a file holds several; "
        "default:",
        "  #                               # all that are alike to the largest",
        "  # join: 0.5                     # samples, up to 5: how far apart two recordings may "
        "lie",
        "  #                               # and still be one stretch",
        "  # mask: {constant: 1 s,         # samples that count as NaN, either or both: of a",
        "  #        above: 1e6}            # channel that does not change for so long; of a larger",
        "  #                               # magnitude, in the input's unit",
        "  # map:                          # for HDF5 of no known layout, and to correct facts",
        "  #   data: /raw                  # path of the samples inside the file; a pattern",
        "  #                               # (/acq/ch_*) names several, as input.dataset picks",
        "  #   axes: [time, channel]       # or [channel, time]",
        "  #   rate: 500 Hz                # or {attr: /raw@fs}, {dataset: /fs, unit: kHz}",
        "  #   start: {name: \"%Y%m%dT%H%M%S\"}   # in the file's name, with / in its folders:",
        "  #                               # %Y %y %m %b %d %j %H %M %S %f %z, %s, %Q (epoch ms);",
        "  #                               # or {attr: /raw@t0, unit: ns}, {dataset: /t, unit: us}",
        "  #                               # 2026-01-01T00:00:00Z",
        "  #   zone: +02:00                # of names and texts that say none (default UTC)",
        "  #   time: stamps                # or rate: which counts where they differ",
        "  #   spacing: 10 m               # of channels; or {attr: ...}",
        "  #   first: 0 m                  # place of channel 0",
        "  #   gauge: 10 m                 # gauge length",
        "  #   scale: 1                    # value = stored number x scale",
        "  #   unit: counts                # of the value",
        "  #   quantity: data              # name of the array in the output",
        "chain:                            # operators, in order (millrace ops); may be absent; a",
        "                                  # value alone is the first parameter: decimate: 5",
        "  - bandpass: {band: 1..45 Hz, order: 4, phase: zero}",
        "  - decimate: {factor: 5}",
        "# plugin: ./myop.so               # a shared object with operators of your own, or",
        "                                  # a list; MILLRACE_PLUGINS=a.so:b.so does the same",
        "output:",
        "  folder: out/decimated           # never read as input; null computes, keeps nothing",
        "  # title: north cable, 1 to 45 Hz",
        "  # compress: deflate             # default none",
        "  # type: float64                 # default float32, which holds 24 bits",
        "  # lane: 1 h                     # length of a lane file; default auto: 1 min to 364 d,",
        "  #                               # by the chain's contexts and what it reads and writes",
        "  # strip: 500                    # channels of a lane file; default auto: all, unless",
        "  #                               # a lane would read more than 8 GiB",
        "  # quakeml: true                 # of events: events.xml beside events.h5 and .csv",
        "run:                              # changes no byte of the output",
        "  io_threads: 2                   # that read, for each rank; 1..64",
        "  # memory: 2 GiB                 # for each rank, everything included; default: 0.7 of "
        "the",
        "  #                               # job's limit or RAM / ranks on the node, at most 4 GiB",
        "# follow:                         # of run --follow alone",
        "#   patience: 10 min              # how long lanes wait for a file missing between others",
        "#   idle: 1 h                     # nothing new for so long: the archive ends here",
        "# Paths are relative to the working directory; ${NAME} and a leading ~ expand in files "
        "and",
        "# folder. Any setting can be given on the command line:",
        "#   millrace run my.yaml -s output.folder=out/b -s chain.decimate.factor=10",
        "# and where an operator is repeated, with its number from 0: -s "
        "chain.2.decimate.factor=10",
        NULL};
    print_lines(lines);
}

static void units(void)
{
    static const char *const lines[] = {
        "A quantity is a number, an optional space and a unit: 60 s, 0.5Hz, 2 GiB.",
        "",
        "  time       ns us ms s min h d",
        "  frequency  mHz Hz kHz",
        "  length     mm m km",
        "  size       B KiB MiB GiB",
        "  share      %",
        "",
        "A bare number where a unit is needed is refused. A range is a..b with the unit at its "
        "end:",
        "1..45 Hz, 1.2..3.4 km. Ranges that count things are half-open: 100..900 are the 800",
        "channels 100 to 899.",
        "Times are UTC: 2026-01-01T00:00:00Z, 2026-01-01 12:30, 2026-01-01T00:00:00+01:00.",
        "",
        "Samples stay as they are stored unless the chain says otherwise: units: {to: native},",
        "{to: strain_rate}, {to: strain} convert by what the files say, scale: {by: 0.5, unit: mV}",
        "by your own word.",
        NULL};
    print_lines(lines);
}

static void statuses(void)
{
    static const char *const lines[] = {
        "The exit status is the same on every rank:",
        "",
        "   0  done",
        "   2  usage or config; nothing was read or written",
        "   3  nothing usable in the input",
        "   4  output: writing failed, as on a full disk; run again when there is room",
        "   5  memory: the chain needs more than run.memory; the message says how much",
        "   6  another run holds the output folder",
        "   7  verify found bytes that are not as they were written",
        "  10  done with losses, listed in report.json: a file refused or partly used, a chunk "
        "lost",
        "  70  a bug of millrace's",
        "  75  stopped early (stop, SIGUSR1 or SIGUSR2): run the same command again to go on; "
        "verify:\n      nothing is damaged, the run has not finished\n"
        "  77  stop, pause, resume, watch: not allowed",
        "",
        "1 is left to launchers (mpirun, srun). A gap that no file claims, or an overlap whose",
        "samples are equal, is no loss. After anything but 0 and 10 the same command goes on where",
        "the run ended: finished lanes are kept, nothing else counts.",
        NULL};
    print_lines(lines);
}

static void layouts(void)
{
    const char *name, *title;
    bool supported;
    printf("Recorder files that are read, as the first of these that fits:\n\n");
    for (size_t i = 0; mr_layout_row(i, &name, &title, &supported); i++)
        if (supported) printf("  %-14s %s\n", name, title);
    printf("\nKnown by name and not yet read (give input.map, see millrace help config):\n\n ");
    int column = 1;
    for (size_t i = 0; mr_layout_row(i, &name, &title, &supported); i++)
        if (!supported) {
            if (column > 80) {
                printf("\n ");
                column = 1;
            }
            column += printf(" %s,", title);
        }
    printf(
        " and others.\n\nSamples may be [time][channel] or [channel][time], int8..int64, "
        "uint8..uint64, "
        "float16,\nfloat32 or float64 in either byte order, contiguous or in chunks, with deflate, "
        "shuffle\nand fletcher32. Any other 2-D dataset is read through input.map.\n\nWhere a file "
        "holds several datasets, those alike to the largest and of other times are\nread, the rest "
        "is said; input.dataset picks. Rows that no step explains are irregular:\nthey are read "
        "with "
        "their own times, and resample, as the first operator, makes them\neven.\n\nmillrace "
        "inspect FILE says which layout a file has and what had to be "
        "assumed.\n");
}

static void output(void)
{
    static const char *const lines[] = {
        "An output folder holds",
        "",
        "  lanes/2026-01-01/20260101T000500.000000000Z_c00100-00900.h5",
        "                 one lane: some minutes of all selected channels; the name says its",
        "                 start and its half-open range of channels",
        "  master.h5      one virtual dataset over all lanes (of other rates or layouts: "
        "/part2...);",
        "                 gaps are not filled, they show in `time`; verify before you trust it",
        "  result.h5      instead, where a chain ends in one mean of everything (interval: all, "
        "stack:",
        "                 all): the lanes then hold float64 sums (psd_sum) and counts",
        "  events.h5      instead, where a chain ends in trigger or coincidence: the table of",
        "                 events, with times, channels, places, peak, velocity and flags (1 cut,",
        "                 2 continued); events.csv has the same columns; lanes hold the picks of",
        "                 single channels",
        "  index.csv      file, start, end, rows, channels, checksum",
        "  report.json    inputs, spans, ledger of gaps and overlaps, lanes, timing, memory",
        "  report.html    the same as a page to read and print (millrace report adds pictures)",
        "  .millrace/     lock, survey cache, plan.json, checksums",
        "",
        "A lane file is plain HDF5, valid netCDF-4 with CF metadata: `time` (int64 nanoseconds "
        "since",
        "1970), `distance` (m) and one float32 [time][distance] array named by its quantity. "
        "xarray,",
        "MATLAB, h5py and h5dump open it, DASCore and xdas as a file of their own kind:",
        "",
        "  xarray.open_dataset(path)    dascore.spool(\"out/lanes\")    xdas.open_dataarray(path)",
        "",
        "Statistics, spectra and correlations have a row for each UTC window, further axes",
        "(statistic, frequency, source and lag) between time and distance, and `count`: how many",
        "segments or windows went in. A row that is less than half there is NaN, so the rows of an",
        "hour stay NaN until half an hour of it is recorded, and then hold what is there; a gap",
        "inside a window leaves the row to the larger part, and the ledger says so. millrace view",
        "draws them: frequency or lag along, distance upwards.",
        "",
        "A lane under its final name is complete. Its last 64 bytes are a trailer with a checksum;",
        "millrace verify OUT reads all of it back. Nothing in a lane depends on ranks, threads,",
        "memory, host or clock. The same command again keeps finished lanes; new input files add",
        "lanes, changed ones redo only the lanes they touch; a changed chain wants another folder.",
        "Lanes whose inputs have left the archive are kept: report.json and verify list them, but",
        "index.csv and master.h5 show the archive as it is.",
        NULL};
    print_lines(lines);
}

static void recipes(void)
{
    static const char *const lines[] = {
        "By the job: the config to begin with (configs/ of the source, or share/millrace of an",
        "installation; its head says the commands), and the picture that it ends with. Change "
        "files,",
        "folder and thresholds, then check, plan, run, view:",
        "",
        "  earthquake catalogue             events.yaml        view data/demo out/events -o x.png",
        "  traffic, each way, speeds        traffic.yaml       view data/demo out/traffic -o x.png",
        "  leak, pump, digging, intrusion   leak.yaml          view data/leak out/leak -o x.png",
        "  microseismic events, tube waves  microseismic.yaml  view data/borehole "
        "out/microseismic -o x.png",
        "  low-frequency strain, tides      lowfreq.yaml       view out/lowfreq -o x.png",
        "  dead, noisy, clipped channels    no config          quality data/demo: "
        "quality/quality.png",
        "",
        "  fewer samples for what follows   decimate.yaml      view out/demo -o x.png",
        "  clean strain rate of earthquakes seismic.yaml       view out/seismic -o x.png",
        "  detection curve (STA/LTA)        detect.yaml        view out/detect -o x.png",
        "  waves of one way and velocity    fan.yaml           view out/fan -o x.png",
        "  loudness of a band               rms.yaml           view out/rms -o x.png",
        "  recorders made alike, gaps       grid.yaml          view out/grid -o x.png",
        "  noise levels, hum, resonances    psd.yaml           view out/psd -o x.png",
        "  ambient noise, virtual sources   noise.yaml         view out/noise -o x.png",
        "  home-made recorders              bare.yaml          view out/bare -o x.png",
        "",
        "To look at recordings first: view data/demo -o x.png, with --wiggle as traces, with --fk "
        "the",
        "waves by frequency and wavenumber. To try a recipe on made-up data of known answers:",
        "",
        "  millrace synth data/demo --files 6 --file-length 60s",
        "  millrace run configs/rms.yaml && millrace view out/rms -o rms.png",
        "  millrace report out/rms -o rms.html",
        NULL};
    print_lines(lines);
}

const mr_topic mr_topics[] = {
    {"config", "a config with every setting there is", config},
    {"units", "how quantities, ranges and times are written", units},
    {"layouts", "the recorder files that are read", layouts},
    {"output", "what an output folder holds, and how to open it", output},
    {"statuses", "what an exit status means", statuses},
    {"recipes", "by the job: which config to begin with", recipes},
};
const size_t mr_n_topics = sizeof mr_topics / sizeof *mr_topics;

const mr_topic *mr_topic_find(const char *name)
{
    for (size_t i = 0; i < mr_n_topics; i++)
        if (strcmp(mr_topics[i].name, name) == 0) return &mr_topics[i];
    return NULL;
}
