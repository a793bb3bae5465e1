"""Kernels for the gates of recurrent layers: everything of a step that is not a product.

A row is an example.  ``lengths`` holds how many steps each has; at a step past its end the state
stays, and the gates and their gradients are 0.
"""

from .exponential import SCALE, exp
from .simd.compile import inlined, kernel
from .simd.memory import broadcast, copy, fill, lanes_of, load_some, pointer, store_some
from .simd.vectors import fma, maximum, select


@inlined
def sigmoid(x):
    """1 / (1 + exp(−x)); no exponential is larger than 1."""
    e = exp(0.0 - maximum(x, 0.0 - x)) * (1.0 / SCALE)
    share = 1.0 / (1.0 + e)
    return select(x, 0.0, e * share, share)


@inlined
def tanh(x):
    """The hyperbolic tangent.

    From ½ on it is (1 − e) / (1 + e) with e = exp(−2|x|).  Nearer to 0 the difference would
    cancel, and Lambert's continued fraction, cut after 13, has no visible error.
    """
    size, square = maximum(x, 0.0 - x), x * x
    e = exp(-2.0 * size) * (1.0 / SCALE)
    above = x * fma(square, fma(square, square + 378.0, 17325.0), 135135.0)
    below = fma(square, fma(square, fma(square, 28.0, 3150.0), 62370.0), 135135.0)
    above = select(size, 0.5, above, select(x, 0.0, e - 1.0, 1.0 - e))
    return above / select(size, 0.5, below, 1.0 + e)


@inlined
def lstm_unit(gates, product, c_before, c, tanh_c, h, i, j, units, count):
    """Do a step for the units from place i of the states on, and j of the gates."""
    input_gate = sigmoid(load_some(gates, j, count, 0.0) + load_some(product, j, count, 0.0))
    store_some(gates, j, count, input_gate)
    j += units
    forget = sigmoid(load_some(gates, j, count, 0.0) + load_some(product, j, count, 0.0))
    store_some(gates, j, count, forget)
    j += units
    candidate = tanh(load_some(gates, j, count, 0.0) + load_some(product, j, count, 0.0))
    store_some(gates, j, count, candidate)
    j += units
    output = sigmoid(load_some(gates, j, count, 0.0) + load_some(product, j, count, 0.0))
    store_some(gates, j, count, output)
    cell = forget * load_some(c_before, i, count, 0.0) + input_gate * candidate
    store_some(c, i, count, cell)
    cell = tanh(cell)
    store_some(tanh_c, i, count, cell)
    store_some(h, i, count, output * cell)


@kernel
def step_lstm(gates, product, h_before, c_before, lengths, t, c, tanh_c, h, start, stop):
    """See ``reference.lstm_step``."""
    units = h.shape[1]
    gates, product, h_before = pointer(gates), pointer(product), pointer(h_before)
    c_before, c, tanh_c, h = pointer(c_before), pointer(c), pointer(tanh_c), pointer(h)
    lanes = lanes_of(h)
    part = units % lanes
    for row in range(start, stop):
        i, j = row * units, 4 * row * units
        if t >= lengths[row]:
            copy(h_before, i, h, i, units)
            copy(c_before, i, c, i, units)
            fill(tanh_c, i, units, 0.0)
            fill(gates, j, 4 * units, 0.0)
        else:
            for k in range(0, units - part, lanes):
                lstm_unit(gates, product, c_before, c, tanh_c, h, i + k, j + k, units, None)
            if part:
                k = units - part
                lstm_unit(gates, product, c_before, c, tanh_c, h, i + k, j + k, units, part)


@inlined
def lstm_unit_vjp(gates, c_before, tanh_c, product, dh, dc, dgates, i, j, units, count):
    """Pull a step back for the units from place i of the states on, and j of the gates."""
    input_gate = load_some(gates, j, count, 0.0)
    forget = load_some(gates, j + units, count, 0.0)
    candidate = load_some(gates, j + 2 * units, count, 0.0)
    output = load_some(gates, j + 3 * units, count, 0.0)
    cell = load_some(tanh_c, i, count, 0.0)
    of_h = load_some(product, i, count, 0.0) + load_some(dh, i, count, 0.0)
    of_c = load_some(dc, i, count, 0.0) + of_h * output * (1.0 - cell * cell)
    store_some(dgates, j, count, of_c * candidate * input_gate * (1.0 - input_gate))
    before = load_some(c_before, i, count, 0.0)
    store_some(dgates, j + units, count, of_c * before * forget * (1.0 - forget))
    slope = 1.0 - candidate * candidate
    store_some(dgates, j + 2 * units, count, of_c * input_gate * slope)
    store_some(dgates, j + 3 * units, count, of_h * cell * output * (1.0 - output))
    store_some(dc, i, count, of_c * forget)
    store_some(dh, i, count, broadcast(dh, 0.0))


@kernel
def step_lstm_vjp(
    gates, c_before, tanh_c, product, lengths, t, dh, dc, dgates, start, stop
):  # fmt: skip
    """See ``reference.lstm_step_vjp``."""
    units = dh.shape[1]
    gates, c_before, tanh_c = pointer(gates), pointer(c_before), pointer(tanh_c)
    product, dh, dc, dgates = pointer(product), pointer(dh), pointer(dc), pointer(dgates)
    lanes = lanes_of(dh)
    part = units % lanes
    for row in range(start, stop):
        i, j = row * units, 4 * row * units
        if t >= lengths[row]:
            add(product, i, dh, units)
            fill(dgates, j, 4 * units, 0.0)
        else:
            for k in range(0, units - part, lanes):
                lstm_unit_vjp(
                    gates, c_before, tanh_c, product, dh, dc, dgates, i + k, j + k, units, None
                )
            if part:
                k = units - part
                lstm_unit_vjp(
                    gates, c_before, tanh_c, product, dh, dc, dgates, i + k, j + k, units, part
                )


@inlined
def add(source, i, target, count):
    """Add ``count`` numbers to those at the same place."""
    for k in range(i, i + count):
        target[k] += source[k]


@inlined
def gru_unit(gates, product, h_before, shown, i, j, k, units, count):
    """Find update and reset gate of the units from place i of the states on."""
    update = sigmoid(load_some(gates, j, count, 0.0) + load_some(product, k, count, 0.0))
    store_some(gates, j, count, update)
    j, k = j + units, k + units
    reset = sigmoid(load_some(gates, j, count, 0.0) + load_some(product, k, count, 0.0))
    store_some(gates, j, count, reset)
    store_some(shown, i, count, reset * load_some(h_before, i, count, 0.0))


@kernel
def find_gru_gates(gates, product, h_before, lengths, t, shown, start, stop):
    """See ``reference.gru_gates``."""
    units = shown.shape[1]
    gates, product = pointer(gates), pointer(product)
    h_before, shown = pointer(h_before), pointer(shown)
    lanes = lanes_of(shown)
    part = units % lanes
    for row in range(start, stop):
        i, j, k = row * units, 3 * row * units, 2 * row * units
        if t >= lengths[row]:
            fill(shown, i, units, 0.0)
            fill(gates, j, 3 * units, 0.0)
        else:
            for l in range(0, units - part, lanes):
                gru_unit(gates, product, h_before, shown, i + l, j + l, k + l, units, None)
            if part:
                l = units - part
                gru_unit(gates, product, h_before, shown, i + l, j + l, k + l, units, part)


@inlined
def gru_state_unit(gates, product, h_before, h, i, j, units, count):
    """Find the new state of the units from place i on."""
    update = load_some(gates, j, count, 0.0)
    j += 2 * units
    candidate = tanh(load_some(gates, j, count, 0.0) + load_some(product, i, count, 0.0))
    store_some(gates, j, count, candidate)
    before = load_some(h_before, i, count, 0.0)
    store_some(h, i, count, candidate + update * (before - candidate))


@kernel
def find_gru_state(gates, product, h_before, lengths, t, h, start, stop):
    """See ``reference.gru_state``."""
    units = h.shape[1]
    gates, product, h_before, h = pointer(gates), pointer(product), pointer(h_before), pointer(h)
    lanes = lanes_of(h)
    part = units % lanes
    for row in range(start, stop):
        i, j = row * units, 3 * row * units
        if t >= lengths[row]:
            copy(h_before, i, h, i, units)
        else:
            for l in range(0, units - part, lanes):
                gru_state_unit(gates, product, h_before, h, i + l, j + l, units, None)
            if part:
                l = units - part
                gru_state_unit(gates, product, h_before, h, i + l, j + l, units, part)


@inlined
def gru_state_unit_vjp(gates, h_before, product, dh, dgates, i, j, units, count):
    """Pull the new state back to candidate and update gate."""
    update = load_some(gates, j, count, 0.0)
    candidate = load_some(gates, j + 2 * units, count, 0.0)
    of_h = load_some(product, i, count, 0.0) + load_some(dh, i, count, 0.0)
    difference = load_some(h_before, i, count, 0.0) - candidate
    store_some(dgates, j, count, of_h * difference * update * (1.0 - update))
    slope = 1.0 - candidate * candidate
    store_some(dgates, j + 2 * units, count, of_h * (1.0 - update) * slope)
    store_some(dh, i, count, of_h * update)


@kernel
def pull_gru_state(gates, h_before, product, lengths, t, dh, dgates, start, stop):
    """See ``reference.gru_state_vjp``."""
    units = dh.shape[1]
    gates, h_before, product = pointer(gates), pointer(h_before), pointer(product)
    dh, dgates = pointer(dh), pointer(dgates)
    lanes = lanes_of(dh)
    part = units % lanes
    for row in range(start, stop):
        i, j = row * units, 3 * row * units
        if t >= lengths[row]:
            add(product, i, dh, units)
            fill(dgates, j, 3 * units, 0.0)
        else:
            for l in range(0, units - part, lanes):
                gru_state_unit_vjp(gates, h_before, product, dh, dgates, i + l, j + l, units, None)
            if part:
                l = units - part
                gru_state_unit_vjp(gates, h_before, product, dh, dgates, i + l, j + l, units, part)


@inlined
def gru_reset_unit_vjp(gates, h_before, dshown, dh, dgates, i, j, units, count):
    """Pull what was shown of the state back to the reset gate and the state."""
    reset = load_some(gates, j + units, count, 0.0)
    of_shown = load_some(dshown, i, count, 0.0)
    before = load_some(h_before, i, count, 0.0)
    store_some(dgates, j + units, count, of_shown * before * reset * (1.0 - reset))
    store_some(dh, i, count, load_some(dh, i, count, 0.0) + of_shown * reset)


@kernel
def pull_gru_reset(gates, h_before, dshown, dh, dgates, start, stop):
    """See ``reference.gru_reset_vjp``."""
    units = dh.shape[1]
    gates, h_before, dshown = pointer(gates), pointer(h_before), pointer(dshown)
    dh, dgates = pointer(dh), pointer(dgates)
    lanes = lanes_of(dh)
    part = units % lanes
    for row in range(start, stop):
        i, j = row * units, 3 * row * units
        for l in range(0, units - part, lanes):
            gru_reset_unit_vjp(gates, h_before, dshown, dh, dgates, i + l, j + l, units, None)
        if part:
            l = units - part
            gru_reset_unit_vjp(gates, h_before, dshown, dh, dgates, i + l, j + l, units, part)
