"""Small recorder files of every layout that says the time row by row (or by stretches, or by start and rate), and what
their stamps are good to. Used by test_facts.py."""
import h5py
import numpy as np

S = 1_000_000_000


def text(s):
    return np.bytes_(s)


def iso(ns):
    return str(np.datetime64(int(ns), "ns")) + "Z"


def seconds(ns):
    """ns since 1970 as float64 seconds, as near as they get."""
    ns = np.asarray(ns, "i8")
    return ns // S + (ns % S) * 1e-9


def bare(path, x, t, rate, nc):
    with h5py.File(path, "w") as h:
        h["raw"] = x
        h["timestamps"] = seconds(t)
    return seconds(t)


def bare_cf(path, x, t, rate, nc):
    """int64 ms would lose sub-ms: us since another epoch, with a zone."""
    with h5py.File(path, "w") as h:
        h["data"] = x
        h["time"] = (t - 1_767_225_600 * S) // 1000 + 3_600_000_000
        h["time"].attrs["units"] = "microseconds since 2026-01-01 00:00:00 +01:00"


def prodml(path, x, t, rate, nc, stated=True):
    with h5py.File(path, "w") as h:
        a = h.create_group("Acquisition")
        a.attrs.update(NumberOfLoci=nc, StartLocusIndex=0, SpatialSamplingInterval=10.0, GaugeLength=10.0,
                       PulseRate=10000.0, schemaVersion=text("2.1"))
        raw = a.create_group("Raw[0]")
        raw.attrs.update(NumberOfLoci=nc, RawDataUnit=text("nm/m/s"), RawDescription=text("strain rate"))
        if stated:
            raw.attrs["OutputDataRate"] = float(rate)
        raw.create_dataset("RawData", data=x).attrs["Dimensions"] = np.array([b"time", b"locus"])
        raw["RawDataTime"] = t // 1000


def prodml_unstated(path, x, t, rate, nc):
    prodml(path, x, t, rate, nc, stated=False)


def terra15(path, x, t, rate, nc):
    """With a preallocated tail."""
    n = len(x)
    with h5py.File(path, "w") as h:
        h.attrs.update(acoustic_bandwidth_end=100.0, amplifier_incoming_current=105.0, file_version=5,
                       file_start_computer_time=float(t[0] / 1e9), data_product=text("velocity"),
                       data_product_units=text("m/s"), dx=1.6, gauge_length=2.45, sensing_range_start=30.0)
        g = h.create_group("data_product")
        d = g.create_dataset("data", (n + 100, nc), x.dtype, chunks=(64, nc))
        d[:n] = x
        d.attrs["dT"] = 1 / rate
        g["gps_time"] = np.r_[seconds(t), np.zeros(100)]


def gdr(path, x, t, rate, nc):
    with h5py.File(path, "w") as h:
        a = h.create_group("DasMetadata/Interrogator/Acquisition")
        a.attrs.update(AcquisitionSampleRate=str(float(rate)), SpatialSamplingInterval="10", UnitOfMeasure="NaN",
                       SpatialSamplingIntervalUnit="meters", GaugeLength="10", GaugeLengthUnit="meters")
        g = h.create_group("DasRawData")
        g.create_dataset("RawData", data=x).attrs["DasDimensions"] = np.array(["time step", "locus"],
                                                                              dtype=h5py.string_dtype())
        g["DasTimeArray"] = np.asarray(t, "u8")


def dasdae(path, x, t, rate, nc):
    """Channels first."""
    with h5py.File(path, "w") as h:
        h.attrs.update(__format__="DASDAE", __DASDAE_version__="1")
        g = h.create_group("waveforms/patch")
        g.attrs.update(_dims="distance,time", _attrs_data_units="nanostrain/s", _attrs_data_type="strain_rate")
        g["data"] = x.T.copy()
        g.create_dataset("_coord_time", data=t).attrs["is_datetime64"] = np.int8(1)
        g["_coord_distance"] = 10.0 * np.arange(nc)


def xdas(path, x, t, rate, nc):
    """Tie points: (start, end) of every stretch that is even."""
    step = round(S / rate)
    cut = np.r_[0, np.nonzero(np.abs(np.diff(t) - step) > step // 2)[0] + 1, len(t)]
    index = np.concatenate([[a, b - 1] if b - a > 1 else [a] for a, b in zip(cut[:-1], cut[1:])])
    with h5py.File(path, "w") as h:
        h.attrs["Conventions"] = "CF-1.9"
        v = h.create_dataset("strain_rate", data=x)
        v.attrs["coordinate_interpolation"] = ("time: time_indices time_values "
                                               "distance: distance_indices distance_values")
        h["time_indices"], h["time_values"] = index.astype("i8"), t[index]
        h["time_values"].attrs.update(units="nanoseconds since 1970-01-01", calendar="proleptic_gregorian")
        h["distance_indices"], h["distance_values"] = np.array([0, nc - 1]), np.array([0.0, 10.0 * (nc - 1)])


def xdas_sampled(path, x, t, rate, nc):
    step = round(S / rate)
    cut = np.r_[0, np.nonzero(np.abs(np.diff(t) - step) > step // 2)[0] + 1, len(t)]
    xdas(path, x, t, rate, nc)
    with h5py.File(path, "r+") as h:
        for k in ("time_indices", "time_values"):
            del h[k]
        h["time_values"], h["time_lengths"] = t[cut[:-1]] - 1_767_225_600 * S, np.diff(cut)
        h["time_values"].attrs["units"] = "nanoseconds since 2026-01-01"
        h["time_sampling"] = np.int64(step)
        h["time_sampling"].attrs.update(tie_point_mapping="time: time_values time_lengths", units="nanoseconds")
        h["strain_rate"].attrs["coordinate_sampling"] = "time: time_sampling"
        h["strain_rate"].attrs["coordinate_interpolation"] = "distance: distance_indices distance_values"


def optodas(path, x, t, rate, nc):
    with h5py.File(path, "w") as h:
        for g in ("acqSpec", "cableSpec", "header"):
            h.create_group(g)
        h["fileVersion"], h["data"] = 8, x
        h["header/time"], h["header/dt"], h["header/dx"] = seconds(t[0]), 1 / rate, 1.0
        h["header/channels"] = 10 * np.arange(nc)
        h["header/dimensionNames"] = np.array([b"time", b"distance"])


def silixa(path, x, t, rate, nc):
    at = np.datetime64(int(t[0] // 1_000_000), "ms").astype(object)
    with h5py.File(path, "w") as h:
        d = h.create_dataset("Acoustic", data=x)
        for k, v in {"SamplingFrequency[Hz]": rate, "GaugeLength": 10, "SpatialResolution[m]": 10,
                     "GPSTimeStamp": at.strftime("%d/%m/%Y %H:%M:%S.") + f"{at.microsecond // 1000:03d} (UTC)",
                     "Start Distance (m)": 0}.items():
            d.attrs[k] = text(str(v))


def apsensing(path, x, t, rate, nc):
    with h5py.File(path, "w") as h:
        h.attrs.update(AppVersion=text("1"), FileVersion=text("10"), OpticalChannelNumber=1)
        h["DAS"] = x
        h["DAQ/PositionStart"], h["ProcessingServer/SpatialSampling"] = 0.0, 10.0
        h["Metadata/Timestamp"], h["Metadata/Timezone"] = iso(t[0]), "UTC"
        h["ProcessingServer/DataRate"] = float(rate)


# layout: writer, what its stamps are good to (ns), what it says of a row's time: "rows", "stretches" or "start"
LAYOUTS = {"bare": (bare, 240, "rows"), "bare-cf": (bare_cf, 1000, "rows"), "prodml": (prodml, 1000, "rows"),
           "prodml-unstated": (prodml_unstated, 1000, "rows"), "terra15": (terra15, 240, "rows"),
           "gdr": (gdr, 1, "rows"), "dasdae": (dasdae, 1, "rows"), "xdas": (xdas, 1, "stretches"),
           "xdas-sampled": (xdas_sampled, 1, "stretches"), "optodas": (optodas, 240, "start"),
           "silixa": (silixa, 1, "start"), "apsensing": (apsensing, 1, "start")}
