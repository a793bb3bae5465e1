"""The goals that the kernels were built for, and whether these results reach them."""

from benchmarks.ratios import (
    US,
    fastest_peer,
    gain_from_one_thread,
    gain_from_threads,
    in_turn,
    library_seconds,
    limit_share,
    limit_shares,
    mean_of,
    ratio,
    reach,
    shape_text,
)

FORWARD = ("softmax", "log_softmax")
OPERATIONS_TEXT = {
    FORWARD: "softmax, log_softmax",
    ("softmax_cross_entropy",): "loss + gradient",
    ("cross_entropy",): "loss only",
}
# operations: (least ratio at every shape, least geometric mean or None), for one thread and more
FLOAT32_RATIOS = {
    FORWARD: (1.5, 3.0),
    ("softmax_cross_entropy",): (4.0, 8.0),
    ("cross_entropy",): (3.0, None),
}
FLOAT32_RATIOS_THREADS = FLOAT32_RATIOS | {
    ("softmax_cross_entropy",): (3.0, 5.0),
    ("cross_entropy",): (2.0, None),
}
# At the smallest shapes a call costs more than its work; more is asked beyond them.
SMALLEST_SHAPES = [1, 10], [64, 10]
FLOAT64_RATIO_SMALLEST, FLOAT64_RATIO, FLOAT64_RATIO_THREADS = 1.3, 2.0, 1.3
PEER_RATIO_THREADS = 1.0  # with several threads, at any shape
COPY_SHARE = 0.85
# Inputs of this size and an output as large do not fit the caches of usual processors.
OUT_OF_CACHE_BYTES = 32e6
IMPORT_SECONDS = 0.25
FIRST_CALL_SECONDS = 0.3
MEMORY_SHARE = 0.1
# Half of what it took when it was first measured.
COLD_SECONDS = {
    "first softmax": 1.85,
    "first loss and gradient": 1.85,
    "sixteen first calls": 17.0,
}


def text(results):
    lines = [
        "Targets: what was asked, what was reached, where it was lowest.  Out of reach: not even",
        "the copy, the arithmetic or the call alone is that much faster than the fastest peer.",
        "In turn: not the three of them either, one after the other.",
    ]
    for what, asked, reached, where, met in score(results):
        mark = "met   " if met else "missed"
        lines.append(f"  {mark} {what:<62} {asked:>8} {reached:>8}  {where}")
    return "\n".join(lines)


def score(results):
    """Yield (what, asked, reached, where, met) for each target that the results speak to."""
    records = results["records"]
    for threads in sorted({record["threads"] for record in records}):
        yield from score_ratios([r for r in records if r["threads"] == threads], threads)
    yield from score_threads(records)
    yield from score_smallest_call(records)
    yield from score_bandwidth(records)
    yield from score_linear(records)
    if "memory" in results:
        yield score_memory(results["memory"]["peak_bytes"])
    if "startup" in results:
        yield from score_startup(results["startup"])
    for name, seconds in results.get("cold", {}).items():
        asked = COLD_SECONDS[name]
        label = f"{name}, empty cache, seconds to compile"
        yield label, f"{asked:.2f}", f"{seconds:.2f}", "processor time", seconds <= asked


def score_ratios(records, threads):
    suffix = f"{threads} thread{'s' if threads > 1 else ''}"
    goals = FLOAT32_RATIOS if threads == 1 else FLOAT32_RATIOS_THREADS
    for operations, (least, least_mean) in goals.items():
        group = [r for r in records if r["operation"] in operations and len(r["seconds"]) > 1]
        single = [r for r in group if r["dtype"] == "float32"]
        double = [r for r in group if r["dtype"] == "float64"]
        name = OPERATIONS_TEXT[operations]
        if single:
            yield at_least(f"{name}, float32, {suffix}, every shape", least, single, ratio)
            if least_mean:
                mean = mean_of(ratio, single)
                yield (
                    f"{name}, float32, {suffix}, geometric mean",
                    f"{least_mean:.2f}", f"{mean:.2f}",
                    f"at the nearest limit {mean_of(reach, single):.2f}, "
                    f"at all in turn {mean_of(in_turn, single):.2f}",
                    mean >= least_mean,
                )  # fmt: skip
        if threads > 1:
            if double:
                what = f"{name}, float64, {suffix}, every shape"
                yield at_least(what, FLOAT64_RATIO_THREADS, double, ratio)
            continue
        smallest = [record for record in double if record["shape"] in SMALLEST_SHAPES]
        larger = [record for record in double if record["shape"] not in SMALLEST_SHAPES]
        if smallest:
            what = f"{name}, float64, {suffix}, smallest shapes"
            yield at_least(what, FLOAT64_RATIO_SMALLEST, smallest, ratio)
        if larger:
            what = f"{name}, float64, {suffix}, all larger shapes"
            yield at_least(what, FLOAT64_RATIO, larger, ratio)
    compared = [r for r in records if r["operation"] != "linear_cross_entropy" and fastest_peer(r)]
    if threads > 1 and compared:
        what = f"no slower than the fastest peer, {suffix}, every shape"
        yield at_least(what, PEER_RATIO_THREADS, compared, ratio)


def at_least(what, asked, records, value):
    """The verdict over all records, decided by the lowest."""
    worst = min(records, key=value)
    below = [record for record in records if value(record) < asked]
    where = f"{worst['operation']} {shape_text(worst)} {worst['dtype']}"
    where += " reused" if worst["reuse"] else " fresh"
    if below:
        where += f" ({len(below)} of {len(records)} below"
        if value is ratio:
            out_of_reach = sum(reach(record) < asked for record in below)
            missed_in_turn = sum(in_turn(record) < asked for record in below)
            where += f", {out_of_reach} out of reach, {missed_in_turn - out_of_reach} in turn"
        where += ")"
    if value is limit_share:
        shares = limit_shares(worst)
        where += (
            f", bound by the {max(shares, key=shares.get)}, all in turn {sum(shares.values()):.2f}"
        )
    return what, f"{asked:.2f}", f"{value(worst):.2f}", where, not below


def score_threads(records):
    """Yield whether it is right to share the arrays that are shared, and not the others."""
    shared = [record for record in records if "one_thread_seconds" in record]
    if shared:
        yield at_least("two threads against our own one", 1.0, shared, gain_from_threads)
    # Of older results; since then no array of this size is left to one thread.
    alone = [record for record in records if "shared_anyway_seconds" in record]
    if alone:
        what = "one thread against two, where an array is not shared"
        yield at_least(what, 1.0, alone, gain_from_one_thread)


def score_smallest_call(records):
    for record in records:
        if record["shape"] == [1, 10] and record["operation"] == "softmax":
            if record["threads"] == 1 and record["dtype"] == "float32":
                ours, theirs = library_seconds(record, US), library_seconds(record, "PyTorch")
                if theirs:
                    kind = "reused" if record["reuse"] else "fresh"
                    yield (
                        f"(1, 10) through the public function, {kind}, microseconds",
                        f"{theirs * 1e6:.2f}", f"{ours * 1e6:.2f}", "against PyTorch",
                        ours <= theirs,
                    )  # fmt: skip


def score_bandwidth(records):
    large = [
        record
        for record in records
        if record["dtype"] == "float32" and record["operation"] != "linear_cross_entropy"
        and 4 * record["shape"][0] * record["shape"][1] > OUT_OF_CACHE_BYTES
    ]  # fmt: skip
    for threads in sorted({record["threads"] for record in large}):
        for reuse in (False, True):
            group = [r for r in large if r["threads"] == threads and r["reuse"] == reuse]
            kind = "reused" if reuse else "fresh"
            if group:
                what = f"share of the nearest limit, out of cache, {threads} thread(s), {kind}"
                yield at_least(what, COPY_SHARE, group, limit_share)


def score_linear(records):
    """No slower than PyTorch, fused or not, at the largest shape measured."""
    linear = [record for record in records if record["operation"] == "linear_cross_entropy"]
    for threads in sorted({record["threads"] for record in linear}):
        group = [record for record in linear if record["threads"] == threads]
        record = max(group, key=lambda record: record["shape"][2])
        ours, theirs = library_seconds(record, US), library_seconds(record, "PyTorch")
        if theirs:
            yield (
                f"linear_cross_entropy, {threads} thread(s), ratio to PyTorch", "1.00",
                f"{theirs / ours:.2f}", shape_text(record), ours <= theirs,
            )  # fmt: skip


def score_memory(peaks):
    share = peaks[US] / peaks["PyTorch"]
    return (
        "linear_cross_entropy, peak memory over PyTorch's unfused", f"{MEMORY_SHARE:.2f}",
        f"{share:.2f}", f"{peaks[US] / peaks['NumPy']:.2f} of NumPy's, which works in place",
        share <= MEMORY_SHARE,
    )  # fmt: skip


def score_startup(startup):
    for name, times in startup.items():
        if name.startswith(US):
            for what, asked in (("import", IMPORT_SECONDS), ("first_call", FIRST_CALL_SECONDS)):
                seconds = times[what]["best"]
                label = f"{name}: {what.replace('_', ' ')}, seconds"
                yield label, f"{asked:.2f}", f"{seconds:.3f}", "warm cache", seconds <= asked
