"""What a record says: the fastest peer, our ratio to it, our shares of the limits, our reach."""

from statistics import geometric_mean

US = "smnn"


def library_seconds(record, library, kind="best"):
    """Seconds of a library in its fastest form, or None where it does not take part."""
    forms = [
        entry[kind]
        for name, entry in record["seconds"].items()
        if name == library or name.startswith(library + " ")
    ]
    return min(forms, default=None)


def fastest_peer(record, kind="best"):
    peers = {name: entry[kind] for name, entry in record["seconds"].items() if name != US}
    return min(peers, key=peers.get, default=None)


def ratio(record, kind="best"):
    """How many times faster than the fastest peer we are."""
    peer = fastest_peer(record, kind)
    return record["seconds"][peer][kind] / record["seconds"][US][kind]


def copy_share(record):
    """Our bytes per second over those of a copy in the same race.

    A copy reads and writes every element.  So do the softmax and the gradient; the loss alone
    only reads.
    """
    traffic = 0.5 if record["operation"] == "cross_entropy" else 1.0
    return traffic * record["copy_seconds"]["best"] / record["seconds"][US]["best"]


def arithmetic_share(record):
    """The time of the arithmetic alone over ours."""
    return record["arithmetic_seconds"]["best"] / record["seconds"][US]["best"]


def call_share(record):
    """The time of a call without work over ours."""
    return record["call_seconds"]["best"] / record["seconds"][US]["best"]


def limit_shares(record):
    """Return our share of each limit of the roofline."""
    return {
        "copy": copy_share(record),
        "work": arithmetic_share(record),
        "call": call_share(record),
    }


def limit_share(record):
    """Return our share of the nearest limit, the one that binds."""
    return max(limit_shares(record).values())


def reach(record):
    """Return the ratio at the nearest limit, as if all other work took no time."""
    return ratio(record) / limit_share(record)


def in_turn(record):
    """Return the ratio with the three limits one after the other, and no other work."""
    return ratio(record) / sum(limit_shares(record).values())


def gain_from_threads(record):
    """Our time with one thread over that with several, in one race."""
    return record["one_thread_seconds"]["best"] / record["seconds"][US]["best"]


def gain_from_one_thread(record):
    """Return our time if the array were shared over that with one thread, in one race."""
    return record["shared_anyway_seconds"]["best"] / record["seconds"][US]["best"]


def shape_text(record):
    return "x".join(map(str, record["shape"]))


def mean_of(value, records):
    """The geometric mean of what ``value`` says of each record."""
    return geometric_mean([value(record) for record in records])
