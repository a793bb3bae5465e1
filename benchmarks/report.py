"""The results as text: one table for each operation, type and number of threads."""

from benchmarks import targets
from benchmarks.ratios import (
    arithmetic_share,
    call_share,
    copy_share,
    fastest_peer,
    library_seconds,
    ratio,
    reach,
    shape_text,
)

LIBRARIES = ("smnn", "NumPy", "SciPy", "PyTorch", "JAX", "ONNX Runtime", "scikit-learn")


def text(results):
    parts = [machine_text(results["machine"])]
    groups = {}
    for record in results["records"]:
        key = (record["operation"], record["dtype"], record["threads"])
        groups.setdefault(key, []).append(record)
    parts += [group_text(*key, records) for key, records in groups.items()]
    if "memory" in results:
        parts.append(memory_text(results["memory"]))
    if "startup" in results:
        parts.append(startup_text(results["startup"]))
    if "spellings" in results:
        parts.append(spellings_text(results["spellings"]))
    if "cold" in results:
        parts.append(cold_text(results["cold"]))
    if "handover" in results:
        parts.append(wakeup_text(results["handover"]))
    parts.append(targets.text(results))
    return "\n\n".join(parts)


def machine_text(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    features = ", ".join(machine["vector_features"])
    unset = "".join(f"\n{name} was unset" for name in machine.get("unset", ()))
    return (
        f"{machine['processor']}, {machine['processors']} processors ({features}), "
        f"{machine['system']}, load before the run {machine['load_before']}\n{versions}{unset}"
    )


def group_text(operation, dtype, threads, records):
    """Nanoseconds per element for every library in its fastest form, best of all rounds."""
    linear = operation == "linear_cross_entropy"
    unit = "milliseconds" if linear else "nanoseconds per element"
    lines = [
        f"{operation}, {dtype}, {threads} thread{'s' if threads > 1 else ''}: {unit}",
        f"{'shape':>15} {'output':>6}"
        + "".join(f"{name:>13}" for name in LIBRARIES)
        + f"  {'fastest peer':<18}{'ratio':>6}{'median':>7}"
        + ("" if linear else f"{'of copy':>9}{'of work':>8}{'of call':>8}{'reach':>7}"),
    ]
    for record in records:
        scale = 1e3 if linear else 1e9 / elements(record)
        cells = ""
        for name in LIBRARIES:
            seconds = library_seconds(record, name)
            cells += f"{'':>13}" if seconds is None else f"{seconds * scale:13.3f}"
        peer = fastest_peer(record) or ""
        shares = "" if linear else shares_text(record)
        ratios = f"{ratio(record):6.2f}{ratio(record, 'median'):7.2f}" if peer else f"{'':13}"
        lines.append(
            f"{shape_text(record):>15} {'reused' if record['reuse'] else 'fresh':>6}{cells}"
            f"  {peer:<18}{ratios}{shares}"
        )
    return "\n".join(lines)


def shares_text(record):
    shares = f"{copy_share(record):9.0%}{arithmetic_share(record):8.0%}{call_share(record):8.0%}"
    return f"{shares}{reach(record):7.2f}" if fastest_peer(record) else shares


def elements(record):
    n, c = record["shape"]
    return n * c


def memory_text(memory):
    lines = [
        f"linear_cross_entropy {'x'.join(map(str, memory['shape']))}: peak memory above the "
        f"inputs, MB (the logits alone are {memory['logits_bytes'] / 1e6:.0f})"
    ]
    lines += [f"{name:>18} {peak / 1e6:9.0f}" for name, peak in memory["peak_bytes"].items()]
    return "\n".join(lines)


def startup_text(startup):
    lines = ["Start-up in a process that has NumPy, seconds, best of 7: import, first call"]
    for name, times in startup.items():
        lines.append(
            f"{name:>24} {times['import']['best']:8.3f} {times['first_call']['best']:8.3f}"
        )
    return "\n".join(lines)


def spellings_text(records):
    """Microseconds of the same work in other words, beside the fastest peer in its best form."""
    lines = ["The same work in other words: microseconds"]
    for record in records:
        peer = fastest_peer(record) or ""
        ratios = f"  {peer:<18}{ratio(record):6.2f}" if peer else ""
        lines.append(
            f"{record['spelling']:>13} {record['operation']:<22}{shape_text(record):>9} "
            f"{library_seconds(record, 'smnn') * 1e6:8.2f}{ratios}"
        )
    return "\n".join(lines)


def cold_text(seconds):
    lines = ["With an empty cache, seconds of processor time to compile and run"]
    lines += [f"{name:>24} {value:8.1f}" for name, value in seconds.items()]
    return "\n".join(lines)


def wakeup_text(entry):
    awake = entry.get("at_once")  # older results have none
    return (
        "A sleeping thread begins its part of a call after "
        f"{entry['best'] * 1e6:.0f} microseconds, median {entry['median'] * 1e6:.0f}"
        + (f"; in calls one upon the other {awake['best'] * 1e6:.0f}, " if awake else "")
        + (f"median {awake['median'] * 1e6:.0f}" if awake else "")
    )
